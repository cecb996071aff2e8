//! `emotiond send`.

use super::{read_config, start_logs};
use crate::{cli::SendArgs, config::LogConfig, outputs};
use emotiond_core::exit::{Exit, Failure};
use emotiond_send::{
    run::{self, ByHand},
    settings::{HttpConfig, OutputConfig, Settings},
};

/// Sends events to the outputs: what the daemon's child does, or by hand.
///
/// # Errors
/// When the command line is wrong, the input cannot be read or contains no event, or a broker can never be used.
pub fn run(arguments: &SendArgs) -> Result<(), Failure> {
    if arguments.child {
        let level = arguments.log_level.clone().unwrap_or_else(|| LogConfig::default().level);
        start_logs(&LogConfig { level, json: arguments.log_json })?;
        return Ok(run::child()?);
    }
    let config = read_config(arguments.config.as_deref())?;
    let mut settings = Settings { device: config.device, outputs: config.outputs, http: config.http };
    if !arguments.to.is_empty() {
        settings.outputs = arguments.to.iter().map(|uri| output(uri, arguments)).collect();
        settings.http = None;
    }
    if let Some(listen) = arguments.http {
        settings.http = Some(HttpConfig { listen, token_file: arguments.token_file.clone() });
    }
    if settings.outputs.is_empty() && settings.http.is_none() {
        let error = anyhow::anyhow!(
            "nothing to send to: give --to mqtt://HOST, osc://HOST:PORT or lsl:, --http ADDRESS:PORT, or a --config with [[output]] or [http]"
        );
        return Err(Failure::new(Exit::Usage, error));
    }
    outputs::check_settings(&settings)?;
    settings.device.id = arguments.device.clone().or(settings.device.id);
    start_logs(&config.log)?;
    Ok(run::by_hand(&ByHand { settings, events: arguments.events.clone(), real_time: arguments.real_time })?)
}

/// An output for `--to`.
fn output(uri: &str, arguments: &SendArgs) -> OutputConfig {
    let mut output = OutputConfig::new(uri.to_owned());
    output.password_file.clone_from(&arguments.password_file);
    output.ca.clone_from(&arguments.ca);
    output.cert.clone_from(&arguments.cert);
    output.key.clone_from(&arguments.key);
    output.spool_dir.clone_from(&arguments.spool_dir);
    output.home_assistant = arguments.home_assistant;
    output.spool_mb = arguments.spool_mb.unwrap_or(output.spool_mb);
    if let Some(prefix) = &arguments.prefix {
        output.prefix.clone_from(prefix);
    }
    if let Some(events) = &arguments.kinds {
        output.events = Some(events.clone());
    }
    output
}
