//! Showing how training goes: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Logs;

/// How a trainer shows its progress, on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Progress {
    /// A bar if standard error is a terminal, lines otherwise.
    #[default]
    Auto,
    /// A bar for each epoch, with step, loss, metrics, images per second and the time left.
    Bar,
    /// A line for each epoch, and one every ten seconds in between.
    Lines,
    /// Nothing.
    Silent,
}

impl Progress {
    pub(crate) fn reporter(self) -> Box<dyn Reporter> {
        match self {
            Progress::Auto if std::io::stderr().is_terminal() => Box::new(BarReporter::default()),
            Progress::Bar => Box::new(BarReporter::default()),
            Progress::Auto | Progress::Lines => Box::new(LineReporter::new(std::io::stderr())),
            Progress::Silent => Box::new(SilentReporter),
        }
    }
}

/// Where an epoch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The epoch, from 0, and how many there are in all.
    pub(crate) epoch: usize,
    pub(crate) epochs: usize,
    /// Steps done in the epoch, and how many it has.
    pub(crate) step: usize,
    pub(crate) steps: usize,
}

/// What is told how training goes. What goes wrong in showing it is no reason to stop.
pub(crate) trait Reporter {
    fn epoch_begins(&mut self, at: Position);
    /// A batch of so many samples is done.
    fn step(&mut self, at: Position, samples: usize, logs: &Logs);
    /// The batches are done; validation follows.
    fn epoch_trained(&mut self) {}
    fn epoch_ends(&mut self, at: Position, logs: &Logs);
    fn message(&mut self, text: &str);
    /// Training is over, also in the middle of an epoch.
    fn finish(&mut self) {}
}

struct SilentReporter;

impl Reporter for SilentReporter {
    fn epoch_begins(&mut self, _: Position) {}
    fn step(&mut self, _: Position, _: usize, _: &Logs) {}
    fn epoch_ends(&mut self, _: Position, _: &Logs) {}
    fn message(&mut self, _: &str) {}
}

/// How fast an epoch goes. After a resume it counts only what was done since.
#[derive(Debug, Clone, Copy)]
struct Clock {
    start: Instant,
    /// Time until the last batch, without validation.
    trained: Option<Duration>,
    samples: usize,
}

impl Clock {
    fn new() -> Self {
        Clock { start: Instant::now(), trained: None, samples: 0 }
    }

    fn images_per_second(&self) -> String {
        let seconds = self.trained.unwrap_or_else(|| self.start.elapsed()).as_secs_f64();
        let rate = if seconds > 0.0 { self.samples as f64 / seconds } else { 0.0 };
        if rate < 10.0 { format!("{rate:.1} images/s") } else { format!("{rate:.0} images/s") }
    }
}

/// The line of an epoch, in Keras' words.
fn line(at: Position, clock: &Clock, logs: &Logs) -> String {
    let Position { step, steps, .. } = at;
    let seconds = clock.start.elapsed().as_secs_f64().round();
    format!("{step}/{steps} - {seconds:.0}s - {} - {logs}", clock.images_per_second())
}

fn heading(at: Position) -> String {
    format!("Epoch {}/{}", at.epoch + 1, at.epochs)
}

/// One line per epoch and one every so often.
pub(crate) struct LineReporter<W> {
    out: W,
    clock: Clock,
    interval: Duration,
    shown: Instant,
}

impl<W: Write> LineReporter<W> {
    pub(crate) fn new(out: W) -> Self {
        LineReporter { out, clock: Clock::new(), interval: Duration::from_secs(10), shown: Instant::now() }
    }

    fn say(&mut self, text: &str) {
        // A closed pipe must not stop training.
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        self.shown = Instant::now();
    }
}

impl<W: Write> Reporter for LineReporter<W> {
    fn epoch_begins(&mut self, at: Position) {
        self.clock = Clock::new();
        self.say(&heading(at));
    }
    fn step(&mut self, at: Position, samples: usize, logs: &Logs) {
        self.clock.samples += samples;
        if self.shown.elapsed() >= self.interval && at.step < at.steps {
            self.say(&line(at, &self.clock, logs));
        }
    }
    fn epoch_trained(&mut self) {
        self.clock.trained = Some(self.clock.start.elapsed());
    }
    fn epoch_ends(&mut self, at: Position, logs: &Logs) {
        self.say(&line(at, &self.clock, logs));
    }
    fn message(&mut self, text: &str) {
        self.say(text);
    }
}

/// A bar for each epoch, whose place is taken by a line at the end.
#[derive(Default)]
struct BarReporter {
    current: Option<(ProgressBar, Clock)>,
}

impl BarReporter {
    fn say(&mut self, text: &str) {
        match &self.current {
            Some((bar, _)) => bar.suspend(|| LineReporter::new(std::io::stderr()).say(text)),
            None => LineReporter::new(std::io::stderr()).say(text),
        }
    }
}

impl Reporter for BarReporter {
    fn epoch_begins(&mut self, at: Position) {
        self.say(&heading(at));
        let bar = ProgressBar::with_draw_target(Some(at.steps as u64), ProgressDrawTarget::stderr());
        // Without a style of its own the bar would still work, with another look.
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {bar:10.green/dim} {eta} left - {wide_msg}") {
            bar.set_style(style.progress_chars("━╸━"));
        }
        bar.set_position(at.step as u64);
        bar.reset_eta();
        self.current = Some((bar, Clock::new()));
    }
    fn step(&mut self, at: Position, samples: usize, logs: &Logs) {
        if let Some((bar, clock)) = &mut self.current {
            clock.samples += samples;
            bar.set_position(at.step as u64);
            bar.set_message(format!("{} - {logs}", clock.images_per_second()));
        }
    }
    fn epoch_trained(&mut self) {
        if let Some((bar, clock)) = &mut self.current {
            clock.trained = Some(clock.start.elapsed());
            bar.set_message(format!("{} - validating", clock.images_per_second()));
        }
    }
    fn epoch_ends(&mut self, at: Position, logs: &Logs) {
        if let Some((bar, clock)) = self.current.take() {
            bar.finish_and_clear();
            self.say(&line(at, &clock, logs));
        }
    }
    fn message(&mut self, text: &str) {
        self.say(text);
    }
    fn finish(&mut self) {
        if let Some((bar, _)) = self.current.take() {
            bar.abandon();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Position = Position { epoch: 1, epochs: 5, step: 125, steps: 125 };

    #[test]
    fn lines_speak_like_keras() {
        let mut reporter = LineReporter::new(Vec::new());
        reporter.epoch_begins(Position { step: 0, ..AT });
        let logs: Logs = [("loss", 0.12341), ("accuracy", 0.9612), ("val_loss", 0.2)].into();
        reporter.step(Position { step: 1, ..AT }, 64, &logs);
        reporter.epoch_trained();
        reporter.epoch_ends(AT, &logs);
        reporter.message("stopped");
        reporter.finish();
        let text = String::from_utf8(reporter.out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[2]), (3, "Epoch 2/5", "stopped"));
        assert!(lines[1].starts_with("125/125 - 0s - "), "{text}");
        assert!(lines[1].ends_with(" images/s - loss: 0.1234 - accuracy: 0.9612 - val_loss: 0.2000"), "{text}");
    }

    #[test]
    fn a_long_epoch_tells_in_between() {
        let mut reporter = LineReporter::new(Vec::new());
        reporter.interval = Duration::ZERO;
        reporter.epoch_begins(Position { step: 0, ..AT });
        for step in 1..=3 {
            reporter.step(Position { step, steps: 3, ..AT }, 8, &[("loss", 1.0)].into());
        }
        let text = String::from_utf8(reporter.out).unwrap();
        // The line of the last step is the epoch's own.
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("\n2/3 - 0s"), "{text}");
    }

    #[test]
    fn bars_and_silence_take_every_call() {
        let mut reporters = [Progress::Bar.reporter(), Progress::Silent.reporter()];
        for reporter in &mut reporters {
            reporter.epoch_begins(Position { step: 0, ..AT });
            reporter.step(AT, 64, &Logs::new());
            reporter.epoch_trained();
            reporter.epoch_ends(AT, &Logs::new());
            reporter.epoch_begins(AT);
            reporter.finish();
        }
    }
}
