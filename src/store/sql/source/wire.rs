//! A connection to MySQL or MariaDB that asks and reads, and does nothing else. sqlx makes a packet, a row and a step
//! of a stream of each of millions of votes, which takes longer than all that is done with them; here a row is a look
//! into the buffer it arrived in. What packets hold and how passwords are told is `mysql_common`'s; sockets and their
//! encryption are sqlx's. What it cannot do it refuses, and sqlx reads instead.

use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::time::Duration;

use futures_util::future::BoxFuture;
use mysql_common::collations::CollationId;
use mysql_common::constants::{CapabilityFlags as Can, Command, MAX_PAYLOAD_LEN};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    AuthMoreData, AuthPlugin, AuthPluginData, AuthSwitchRequest, Column, ComStmtExecuteRequestBuilder,
    CommonOkPacket, HandshakePacket, HandshakeResponse, OkPacketDeserializer, OkPacketKind, OldEofPacket,
    SslRequest, StmtPacket,
};
use mysql_common::proto::{MyDeserialize, MySerialize};
use mysql_common::value::Value;
use percent_encoding::percent_decode_str;
use rustix::net::sockopt;
use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx_core::net::tls::{self, CertificateInput, TlsConfig};
use sqlx_core::net::{Socket, SocketIntoBox};
use tokio::net::{TcpStream, UnixStream};

use crate::store::error::ServerError;

/// What a server has to be able to do, as all have for twenty years.
const NEEDED: Can =
    Can::CLIENT_PROTOCOL_41.union(Can::CLIENT_SECURE_CONNECTION).union(Can::CLIENT_PLUGIN_AUTH);
const WANTED: Can = NEEDED.union(Can::CLIENT_LONG_PASSWORD).union(Can::CLIENT_TRANSACTIONS);

/// What a server says more of a password that it knows by its hash: that it remembers it, or that it has to be told all.
const REMEMBERED: [u8; 1] = [3];
const TELL_ALL: [u8; 1] = [4];

/// A query may take its time. Whether its host is still there is asked so often, and after so many questions without
/// an answer it is gone.
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVES: u32 = 3;

/// Three bytes of length, one of the packet's number in its conversation.
const HEADER: usize = 4;
const ERROR: u8 = 0xff;

/// Several times what a server sends at once.
const BUFFER_BYTES: usize = 1 << 16;

/// Dropped, in the middle of an answer too, it ends with all that the session held.
pub(super) struct Wire {
    packets: Packets,
    prepared: HashMap<String, u32>,
}

impl Wire {
    /// Logs in.
    ///
    /// # Errors
    /// Those of [`is_beyond`] where sqlx may get further.
    pub(super) async fn connect(options: &MySqlConnectOptions) -> sqlx::Result<Self> {
        let mut packets = Packets::new(socket(options).await?);
        let greeting = read::<HandshakePacket<'_>>(packets.next().await?, ())?.into_owned();
        if !greeting.capabilities().contains(NEEDED) {
            return Err(beyond("the server's protocol is too old"));
        }
        let hidden = Hidden::of(options);
        let offers_tls = greeting.capabilities().contains(Can::CLIENT_SSL);
        let encrypted = match options.get_ssl_mode() {
            MySqlSslMode::Disabled => false,
            MySqlSslMode::Preferred => offers_tls,
            _ if offers_tls => true,
            _ => return Err(beyond("the server offers no encryption")),
        };
        let mut abilities = WANTED;
        abilities.set(Can::CLIENT_SSL, encrypted);
        abilities.set(Can::CLIENT_CONNECT_WITH_DB, options.get_database().is_some());
        let longest = MAX_PAYLOAD_LEN as u32;
        if encrypted {
            let charset = CollationId::UTF8MB4_GENERAL_CI as u8;
            packets.send(&bytes(&SslRequest::new(abilities, longest, charset))).await?;
            // Only the count goes on: what else came in the clear is not to be taken for something encrypted.
            let number = packets.number;
            packets = Packets::new(encrypt(packets.socket, &hidden, options).await?);
            packets.number = number;
        }
        let plugin = greeting.auth_plugin().ok_or_else(|| beyond("the server names no plugin"))?;
        let scrambled = scramble(&plugin, &hidden.password, &greeting.nonce())?;
        let response = HandshakeResponse::new(
            scrambled.as_deref(),
            greeting.server_version_parsed().unwrap_or_default(),
            Some(options.get_username().as_bytes()),
            options.get_database().map(str::as_bytes),
            Some(plugin.borrow()),
            abilities,
            None,
            longest,
        );
        packets.send(&bytes(&response)).await?;
        finish_login(&mut packets, &hidden.password, encrypted).await?;
        Ok(Self { packets, prepared: HashMap::new() })
    }

    /// Runs a statement that gives no rows.
    pub(super) async fn execute(&mut self, sql: &str) -> sqlx::Result<()> {
        self.command(&[&[Command::COM_QUERY as u8], sql.as_bytes()].concat()).await?;
        read::<OkPacketDeserializer<'_, CommonOkPacket>>(self.packets.next().await?, WANTED).map(drop)
    }

    /// Asks for rows and gives their columns; the rows are to be taken by [`Self::row`], to the last. They come in the
    /// binary protocol, which is the cheapest for both sides.
    pub(super) async fn ask(&mut self, sql: &str, values: &[String]) -> sqlx::Result<Vec<Column>> {
        let statement = match self.prepared.get(sql) {
            Some(statement) => *statement,
            None => self.prepare(sql).await?,
        };
        let values: Vec<_> = values.iter().map(|value| Value::from(value.as_str())).collect();
        let (execute, _) = ComStmtExecuteRequestBuilder::new(statement).build(&values);
        self.command(&bytes(&execute)).await?;
        let columns = ParseBuf(self.packets.next().await?).checked_eat_lenenc_int();
        match columns {
            Some(columns @ 1..) => self.columns(columns).await,
            _ => Err(beyond("the statement gives no rows")),
        }
    }

    /// The bytes of the next row; none after the last.
    pub(super) async fn row(&mut self) -> sqlx::Result<Option<&[u8]>> {
        let packet = self.packets.next().await?;
        Ok(if packet.first() == Some(&OldEofPacket::HEADER) { None } else { Some(packet) })
    }

    async fn prepare(&mut self, sql: &str) -> sqlx::Result<u32> {
        self.command(&[&[Command::COM_STMT_PREPARE as u8], sql.as_bytes()].concat()).await?;
        let statement = read::<StmtPacket>(self.packets.next().await?, ())?;
        self.columns(statement.num_params().into()).await?;
        self.columns(statement.num_columns().into()).await?;
        self.prepared.insert(sql.to_owned(), statement.statement_id());
        Ok(statement.statement_id())
    }

    async fn columns(&mut self, count: u64) -> sqlx::Result<Vec<Column>> {
        let mut columns = Vec::new();
        for _ in 0..count {
            columns.push(read(self.packets.next().await?, ())?);
        }
        if count > 0 {
            read::<OkPacketDeserializer<'_, OldEofPacket>>(self.packets.next().await?, WANTED)?;
        }
        Ok(columns)
    }

    async fn command(&mut self, payload: &[u8]) -> sqlx::Result<()> {
        self.packets.number = 0;
        self.packets.send(payload).await
    }
}

impl Drop for Wire {
    /// Says good-bye, so that the server does not count the session among those that broke off.
    fn drop(&mut self) {
        let _ = self.packets.socket.try_write(&[1, 0, 0, 0, Command::COM_QUIT as u8]);
    }
}

/// Whether an error says that this reader does not get further, which says nothing about another one.
pub(super) const fn is_beyond(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Protocol(_) | sqlx::Error::Configuration(_) | sqlx::Error::Tls(_))
}

pub(super) fn beyond(why: impl ToString) -> sqlx::Error {
    sqlx::Error::Protocol(why.to_string())
}

async fn finish_login(packets: &mut Packets, password: &str, encrypted: bool) -> sqlx::Result<()> {
    loop {
        let packet = packets.next().await?;
        let answer = match packet.first() {
            Some(&CommonOkPacket::HEADER) => return Ok(()),
            Some(&OldEofPacket::HEADER) => {
                let switch: AuthSwitchRequest<'_> = read(packet, ())?;
                scramble(&switch.auth_plugin(), password, switch.plugin_data())?
            }
            _ => {
                let more: AuthMoreData<'_> = read(packet, ())?;
                match more.data() {
                    data if data == REMEMBERED => continue,
                    data if data == TELL_ALL && encrypted => {
                        Some(AuthPluginData::Clear(password.as_bytes().into()))
                    }
                    _ => return Err(beyond("the server wants the password over an encrypted connection")),
                }
            }
        };
        packets.send(&answer.as_ref().map(bytes).unwrap_or_default()).await?;
    }
}

/// The password as a plugin of the server wants it; only those are served that give nothing away to whoever asks.
fn scramble<'a>(
    plugin: &AuthPlugin<'_>,
    password: &'a str,
    nonce: &[u8],
) -> sqlx::Result<Option<AuthPluginData<'a>>> {
    match plugin {
        AuthPlugin::MysqlNativePassword | AuthPlugin::CachingSha2Password => {
            Ok(plugin.gen_data(Some(password), nonce))
        }
        other => Err(beyond(format!("no way to log in by {}", String::from_utf8_lossy(other.as_bytes())))),
    }
}

async fn socket(options: &MySqlConnectOptions) -> sqlx::Result<Box<dyn Socket>> {
    if let Some(path) = options.get_socket() {
        return Ok(Box::new(UnixStream::connect(path).await?));
    }
    // An address of IPv6 has brackets in a URL.
    let host = options.get_host().trim_matches(['[', ']']);
    let socket = TcpStream::connect((host, options.get_port())).await?;
    sockopt::set_socket_keepalive(&socket, true).map_err(Error::from)?;
    sockopt::set_tcp_keepidle(&socket, KEEPALIVE).map_err(Error::from)?;
    sockopt::set_tcp_keepintvl(&socket, KEEPALIVE).map_err(Error::from)?;
    sockopt::set_tcp_keepcnt(&socket, KEEPALIVES).map_err(Error::from)?;
    Ok(Box::new(socket))
}

fn encrypt<'all>(
    socket: Box<dyn Socket>,
    hidden: &'all Hidden,
    options: &'all MySqlConnectOptions,
) -> BoxFuture<'all, sqlx::Result<Box<dyn Socket>>> {
    let mode = options.get_ssl_mode();
    let config = TlsConfig {
        accept_invalid_certs: !matches!(mode, MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity),
        accept_invalid_hostnames: !matches!(mode, MySqlSslMode::VerifyIdentity),
        hostname: options.get_host(),
        root_cert_path: hidden.ca.as_ref(),
        client_cert_path: hidden.cert.as_ref(),
        client_key_path: hidden.key.as_ref(),
    };
    Box::pin(tls::handshake(socket, config, SocketIntoBox))
}

/// What options hold and tell only in the form of a URL.
struct Hidden {
    password: String,
    ca: Option<CertificateInput>,
    cert: Option<CertificateInput>,
    key: Option<CertificateInput>,
}

impl Hidden {
    fn of(options: &MySqlConnectOptions) -> Self {
        // A name that is no part of a URL must not get into one; nobody reads it from there.
        let url = options.clone().host("host").username("user").to_url_lossy();
        let file = |name| {
            let (_, shown) = url.query_pairs().find(|(key, _)| key == name)?;
            Some(CertificateInput::from(shown.strip_prefix("file: ").unwrap_or(&shown).to_owned()))
        };
        let password = percent_decode_str(url.password().unwrap_or_default()).decode_utf8_lossy();
        Self {
            password: password.into_owned(),
            ca: file("ssl-ca"),
            cert: file("ssl-cert"),
            key: file("ssl-key"),
        }
    }
}

/// A conversation in packets.
struct Packets {
    socket: Box<dyn Socket>,
    buffer: Vec<u8>,
    /// What of the buffer has arrived and is not taken yet.
    arrived: Range<usize>,
    /// The number of the next packet to be sent; a command begins anew.
    number: u8,
}

impl Packets {
    fn new(socket: Box<dyn Socket>) -> Self {
        Self { socket, buffer: vec![0; BUFFER_BYTES], arrived: 0..0, number: 0 }
    }

    async fn send(&mut self, payload: &[u8]) -> sqlx::Result<()> {
        let length = payload.len().to_le_bytes();
        if payload.len() >= MAX_PAYLOAD_LEN {
            return Err(beyond("what is to be said is too long"));
        }
        let packet = [&length[..3], &[self.number], payload].concat();
        self.number = self.number.wrapping_add(1);
        let mut rest = &packet[..];
        while !rest.is_empty() {
            rest = &rest[self.socket.write(rest).await?..];
        }
        Ok(self.socket.flush().await?)
    }

    /// The next packet, unless it is an error.
    async fn next(&mut self) -> sqlx::Result<&[u8]> {
        loop {
            if let Some(payload) = self.take()? {
                let packet = &self.buffer[payload];
                return match packet.first() {
                    Some(&ERROR) => Err(ServerError::read(packet).map_or_else(beyond, Into::into)),
                    _ => Ok(packet),
                };
            }
            self.receive().await?;
        }
    }

    /// Where in the buffer the next packet is, if all of it is there.
    fn take(&mut self) -> sqlx::Result<Option<Range<usize>>> {
        let Some((header, rest)) = self.buffer[self.arrived.clone()].split_at_checked(HEADER) else {
            return Ok(None);
        };
        let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
        if length == MAX_PAYLOAD_LEN {
            return Err(beyond("a row goes on in another packet"));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.number = header[3].wrapping_add(1);
        let start = self.arrived.start + HEADER;
        self.arrived.start = start + length;
        Ok(Some(start..self.arrived.start))
    }

    async fn receive(&mut self) -> sqlx::Result<()> {
        self.buffer.copy_within(self.arrived.clone(), 0);
        self.arrived = 0..self.arrived.len();
        if self.arrived.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let mut room = &mut self.buffer[self.arrived.end..];
        match self.socket.read(&mut room).await? {
            0 => Err(Error::from(ErrorKind::UnexpectedEof).into()),
            bytes => {
                self.arrived.end += bytes;
                Ok(())
            }
        }
    }
}

/// A packet as what it has to be.
fn read<'packet, T: MyDeserialize<'packet>>(packet: &'packet [u8], context: T::Ctx) -> sqlx::Result<T> {
    ParseBuf(packet).parse(context).map_err(beyond)
}

fn bytes(what: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    what.serialize(&mut bytes);
    bytes
}
