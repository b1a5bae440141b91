mod comparing;
mod gits;
mod reading;
