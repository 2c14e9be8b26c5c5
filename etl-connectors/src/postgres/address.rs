//! Where a database is, and what of that may be shown.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use etl_core::{Error, ErrorKind, Result};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// How to connect, and the name of the place: host, port and database, and nothing else of the
/// connection string.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) place: String,
}

impl Address {
    /// Reads a connection string.
    pub(super) fn parse(string: &str) -> Result<Self> {
        let invalid = || {
            Error::new(ErrorKind::Config, "the connection string of the database is not valid")
                .hint("write postgresql://user:password@host:5432/database, with `%` escapes in the parts")
        };
        // The parser's own words may quote the string.
        let mut config: Config = string.parse().map_err(|_quotes_the_string| invalid())?;
        // The parser ends the password at its first `@`: what follows is not a part of the host, and is not shown as one.
        if config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if name.contains('@'))) {
            return Err(invalid());
        }
        let place = place(&config);
        check_tls(&config, &place)?;
        config.ssl_mode(SslMode::Disable);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        if config.get_application_name().is_none() {
            config.application_name("etl");
        }
        // A server that has vanished without a word is noticed.
        config.keepalives_idle(Duration::from_secs(30)).keepalives_interval(Duration::from_secs(10)).keepalives_retries(3);
        Ok(Self { config, place })
    }
}

fn place(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().or(config.get_user()).unwrap_or("postgres");
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => format!("{host}:{port}/{database}"),
        Some(Host::Unix(path)) => format!("{}:{port}/{database}", path.display()),
        None => format!("localhost:{port}/{database}"),
    }
}

fn check_tls(config: &Config, place: &str) -> Result<()> {
    let here = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) if name == "localhost" => true,
        Host::Tcp(name) => name.parse().is_ok_and(|ip: IpAddr| ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST),
    };
    match config.get_ssl_mode() {
        SslMode::Disable => Ok(()),
        SslMode::Prefer if config.get_hosts().iter().all(here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback) => Ok(()),
        SslMode::Prefer => Err(Error::new(ErrorKind::Config, format!("{place} is on another machine, and TLS is not supported yet"))
            .hint("add `sslmode=disable` if the network between is trusted")),
        _ => Err(Error::new(ErrorKind::Config, format!("the connection string of {place} asks for TLS, which is not supported yet"))
            .hint("`sslmode=disable`, over a network that is trusted or a tunnel")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i8_only_the_place_of_a_connection_string_is_shown() {
        let address = Address::parse("postgresql://ann:s3cret@localhost:6000/sales?application_name=x").unwrap();
        assert_eq!(address.place, "localhost:6000/sales");
        for broken in [
            "postgresql://ann:p@s3cret@localhost/x",
            "postgresql://ann:s3cret@:notaport/x",
            "host=localhost password=s3cret nonsense=1",
            "user='s3cret",
        ] {
            let error = Address::parse(broken).map(drop).unwrap_err();
            assert!(!format!("{error:?} {:?}", error.advice()).contains("s3cret"));
        }
    }

    #[test]
    fn nothing_is_sent_in_the_clear_by_mistake() {
        for (string, fine) in [
            ("postgresql://h/x", false),
            ("postgresql://h/x?sslmode=require", false),
            ("postgresql://localhost/x?sslmode=require", false),
            ("host=localhost hostaddr=10.1.2.3", false),
            ("postgresql://h/x?sslmode=disable", true),
            ("postgresql://127.0.0.1/x", true),
            ("postgresql:///x?host=/run/postgresql", true),
        ] {
            assert_eq!(Address::parse(string).is_ok(), fine, "{string}");
        }
    }
}
