//! Every text of the pages in English and Hungarian, side by side: a text that lacks one of them does not compile.

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    #[default]
    En,
    Hu,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::En, Self::Hu];

    /// As HTML, the cookie and `?lang=` name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Hu => "hu",
        }
    }

    /// In the language itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Hu => "Magyar",
        }
    }

    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.code() == code)
    }

    /// The first of `Accept-Language` that there is; the order of browsers is the order of preference.
    pub fn accepted(header: &str) -> Option<Self> {
        let codes = header.split(',').filter_map(|item| item.trim().split(['-', ';']).next());
        codes.map(str::to_ascii_lowercase).find_map(|code| Self::of_code(&code))
    }

    pub const fn texts(self) -> &'static Texts {
        match self {
            Self::En => &pages::ENGLISH,
            Self::Hu => &pages::HUNGARIAN,
        }
    }

    pub const fn deciding(self) -> &'static Deciding {
        match self {
            Self::En => &deciding::ENGLISH,
            Self::Hu => &deciding::HUNGARIAN,
        }
    }
}

/// A text with its `{}` filled in, one after the other.
pub fn fill(text: &str, values: &[&str]) -> String {
    let mut parts = text.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (part, value) in parts.zip(values) {
        filled.push_str(value);
        filled.push_str(part);
    }
    filled
}

macro_rules! texts {
    ($name:ident: $($key:ident: $english:literal, $hungarian:literal;)+) => {
        /// See the module.
        #[derive(Debug)]
        pub struct $name {
            $(pub $key: &'static str,)+
        }

        pub const ENGLISH: $name = $name { $($key: $english,)+ };
        pub const HUNGARIAN: $name = $name { $($key: $hungarian,)+ };

        #[cfg(test)]
        pub const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($key), $english, $hungarian),)+];
    };
}

mod deciding;
mod pages;

pub use deciding::Deciding;
pub use pages::Texts;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_take_the_same_values_and_leave_nothing_blank() {
        for (key, english, hungarian) in pages::PAIRS.iter().chain(deciding::PAIRS) {
            assert!(!english.trim().is_empty() && !hungarian.trim().is_empty(), "{key}");
            assert_eq!(english.matches("{}").count(), hungarian.matches("{}").count(), "{key}");
        }
    }

    #[test]
    fn the_browser_s_first_known_language_is_taken() {
        assert_eq!(Lang::accepted("hu-HU,hu;q=0.9,en;q=0.8"), Some(Lang::Hu));
        assert_eq!(Lang::accepted("de,en-US;q=0.5"), Some(Lang::En));
        assert_eq!(Lang::accepted("*"), None);
        assert_eq!(fill("{} of {}", &["1", "2"]), "1 of 2");
    }
}
