//! The figures for Prometheus, encoded from the latest status whenever they are asked for.

use crate::{
    event::Kind,
    gauges::Gauges,
    hub::Hub,
    wire::{LATENCY_BOUNDS_S, SourceStatus, Status},
};
use cpu_time::ProcessTime;
use emotiond_core::process::resident_bytes;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text},
    metrics::MetricType,
    registry::{Registry, Unit},
};
use std::{
    fmt::{Error, Result},
    iter,
    sync::{Arc, atomic::Ordering},
};

/// The name under which lines are counted that the daemon could not hand to this process.
const PIPE: &str = "sender";

/// All metrics.
pub struct Metrics(Registry);

impl Metrics {
    /// The metrics of a run and its outputs.
    pub fn new(hub: Hub, gauges: Gauges) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Figures { hub, gauges }));
        Self(registry)
    }

    /// In OpenMetrics' format.
    ///
    /// # Errors
    /// None in practice: strings can be written.
    pub fn openmetrics(&self) -> std::result::Result<String, Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.0).map(|()| page)
    }

    /// In Prometheus' older text format.
    ///
    /// # Errors
    /// None in practice: strings can be written.
    pub fn classic(&self) -> std::result::Result<String, Error> {
        let mut page = String::new();
        prometheus_text::encode(&mut page, &self.0).map(|()| page)
    }
}

struct Figures {
    hub: Hub,
    gauges: Gauges,
}

impl std::fmt::Debug for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> Result {
        f.write_str("Figures")
    }
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder) -> Result {
        let status = Arc::clone(&self.hub.status.borrow());
        let mut families = Families(encoder);
        families.build(&status)?;
        families.sources(&status.sources)?;
        families.outputs(&status, &self.gauges)?;
        families.processes(&status)
    }
}

/// Writes families of metrics.
struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    fn build(&mut self, status: &Status) -> Result {
        let mut family = self.gauge("emotiond_build_info", "Always 1; the labels tell the version", None)?;
        family.encode_family(&[("version", status.version.as_str())])?.encode_gauge(&1_i64)
    }

    fn sources(&mut self, sources: &[SourceStatus]) -> Result {
        let of_all = |value: fn(&SourceStatus) -> u64| {
            sources.iter().map(move |source| ([("source", source.name.as_str())], value(source)))
        };
        self.counters("emotiond_frames_analysed", "Frames analysed", of_all(|source| source.analysed))?;
        self.counters(
            "emotiond_frames_skipped",
            "Frames replaced by newer ones before their analysis",
            of_all(|source| source.skipped),
        )?;
        self.counters(
            "emotiond_frames_unreadable",
            "Frames that could not be decoded",
            of_all(|source| source.unreadable),
        )?;
        self.gauges(
            "emotiond_source_up",
            "Whether frames of the source arrive",
            sources
                .iter()
                .map(|source| ([("source", source.name.as_str())], f64::from(source.state == "up"))),
        )?;
        let recordings = sources
            .iter()
            .filter_map(|source| Some(([("source", source.name.as_str())], source.recording?.into())));
        self.gauges("emotiond_recording_up", "Whether the recording of annotated frames works", recordings)?;
        let faces = sources
            .iter()
            .filter_map(|source| Some(([("source", source.name.as_str())], source.faces?.into())));
        self.gauges("emotiond_faces", "Faces in the latest frame", faces)?;
        let ratios = sources.iter().flat_map(|source| {
            let emotions = source.emotions.iter().flatten();
            emotions.map(|(emotion, share)| {
                ([("source", source.name.as_str()), ("emotion", emotion.as_str())], rounded(*share))
            })
        });
        self.gauges(
            "emotiond_emotion_ratio",
            "Share of the emotion over the audience's window, 0 to 1",
            ratios,
        )?;
        self.latencies(sources)
    }

    fn latencies(&mut self, sources: &[SourceStatus]) -> Result {
        let help = "From the capture of frames to the writing of their lines";
        let mut family = self.0.encode_descriptor(
            "emotiond_latency",
            help,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for source in sources {
            let latency = &source.latency;
            let bounds = LATENCY_BOUNDS_S.into_iter().chain(iter::once(f64::INFINITY));
            let buckets: Vec<(f64, u64)> = bounds.zip(latency.buckets).collect();
            family.encode_family(&[("source", source.name.as_str())])?.encode_histogram::<NoLabelSet>(
                latency.sum_s,
                latency.buckets.iter().sum(),
                &buckets,
                None,
            )?;
        }
        Ok(())
    }

    fn outputs(&mut self, status: &Status, gauges: &Gauges) -> Result {
        let outputs = gauges.all();
        let of_all = |value: fn(&crate::gauges::OutputGauge) -> u64| {
            outputs.iter().map(move |output| ([("output", output.name.as_str())], value(output)))
        };
        self.gauges(
            "emotiond_output_up",
            "Whether the output is connected",
            of_all(|output| output.connected.load(Ordering::Relaxed).into())
                .map(|(labels, up)| (labels, up as f64)),
        )?;
        self.gauges(
            "emotiond_output_queue",
            "Lines that wait for the output",
            of_all(|output| output.queued.load(Ordering::Relaxed))
                .map(|(labels, lines)| (labels, lines as f64)),
        )?;
        self.counters(
            "emotiond_output_sent",
            "Lines sent to the output",
            of_all(|output| output.sent.load(Ordering::Relaxed)),
        )?;
        let in_pipe = ([("output", PIPE)], status.dropped.sum(&Kind::ALL));
        self.counters(
            "emotiond_output_dropped",
            "Lines dropped before the output got them; \"sender\": on the way to all outputs",
            of_all(|output| output.dropped.load(Ordering::Relaxed)).chain(iter::once(in_pipe)),
        )
    }

    fn processes(&mut self, status: &Status) -> Result {
        let own_cpu_s = ProcessTime::try_now().map_or(0.0, |time| time.as_duration().as_secs_f64());
        let processes = [
            ("daemon", status.cpu_s, status.rss_bytes),
            ("sender", own_cpu_s, resident_bytes().unwrap_or_default()),
        ];
        let help = "Processor time, user and system";
        let mut family =
            self.0.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), MetricType::Counter)?;
        for (process, cpu_s, _) in processes {
            family
                .encode_family(&[("process", process)])?
                .encode_counter::<NoLabelSet, f64, f64>(&cpu_s, None)?;
        }
        let mut family = self.gauge("process_resident_memory", "Resident memory", Some(&Unit::Bytes))?;
        for (process, _, bytes) in processes {
            family.encode_family(&[("process", process)])?.encode_gauge(&(bytes as i64))?;
        }
        Ok(())
    }

    fn counters<'b, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = ([(&'b str, &'b str); N], u64)>,
    ) -> Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&value, None)?;
        }
        Ok(())
    }

    fn gauges<'b, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = ([(&'b str, &'b str); N], f64)>,
    ) -> Result {
        let mut family = self.gauge(name, help, None)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn gauge<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
    ) -> std::result::Result<MetricEncoder<'s>, Error> {
        self.0.encode_descriptor(name, help, unit, MetricType::Gauge)
    }
}

/// A share without the noise of its single precision.
fn rounded(share: f32) -> f64 {
    (f64::from(share) * 1e4).round() / 1e4
}
