//! What a caller hears of a sentence that is put together: all of it, and nothing between.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::by_hand::Caller;
use crate::server::{Configuration, Net, Server, binary};
use crate::tone::{read_wav, ulaw};
use crate::{Outcome, ensure, now};

/// Whoever calls is asked for a time at once: is it the number they call from?
const BOOKING: &str = r#"
[[entries]]
dnis = "200"
flow = "booking"

[flows.booking]
start = "time"

[flows.booking.nodes.time]
kind = "schedule_callback"
queue = "support"
"#;

const ANI: &str = "+14155550123";
/// A silence is 5 ms below 50 dB under full scale.
const STRETCH: usize = 40;
const SILENT_BELOW: f64 = 103.6;
/// Longest silence between two fragments besides the pauses asked for.
const GAP_MAX: usize = 40 * 8;
/// The loudest code of mu-law: what is louder is cut off.
const FULL: f64 = 32_124.0;

/// What is to be heard, and where one piece ends and the next begins.
struct Sentence {
    samples: Vec<f64>,
    /// The sample after a piece, and how long the pause is that follows there.
    joints: Vec<(usize, usize)>,
}

/// Calls, listens, and compares every sample with the recordings.
pub(crate) fn without_gaps(net: Net) -> Outcome {
    let server = Server::start(net, &Configuration::new().and(BOOKING))?;
    let sentence = expected(server.folder())?;
    let caller = Caller::call(net.caller(), net.server(), "200", ANI)?;
    let heard = listen(&caller, sentence.samples.len() + 8_000)?;
    caller.hang_up()?;
    let codes: Vec<u8> = sentence.samples.iter().map(|sample| ulaw(*sample as i16)).collect();
    let at = heard.windows(codes.len()).position(|part| part == codes);
    ensure(at.is_some(), || {
        format!("{} samples were heard, not the {} of the sentence", heard.len(), codes.len())
    })?;
    let full = sentence.samples.iter().find(|sample| sample.abs() >= FULL);
    ensure(full.is_none(), || format!("a sample of {full:?} is cut off"))?;
    let steps = |samples: &[f64]| {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max)
    };
    let largest = steps(&sentence.samples);
    for &(joint, pause) in &sentence.joints {
        let click = steps(&sentence.samples[joint - 1..=joint]);
        ensure(click * 4.0 <= largest, || format!("a step of {click} of {largest} at {joint}"))?;
        let silent = silence_around(&sentence.samples, joint);
        ensure(silent <= pause + GAP_MAX, || {
            format!("{} ms of silence at {joint}, {} asked for", silent / 8, pause / 8)
        })?;
    }
    ensure(sentence.joints.len() >= 12, || format!("{:?}", sentence.joints))?;
    server.stop()
}

/// The sentence as `ringback sounds` has it.
fn expected(folder: &Path) -> Outcome<Sentence> {
    let mut sentence = Sentence { samples: Vec::new(), joints: Vec::new() };
    let said = sounds(&["say", "en", "phone", ANI], &folder.join("number.wav"))?;
    let pieces: Vec<String> = said
        .lines()
        .next()
        .unwrap_or_default()
        .replace("(", "")
        .replace(" ms)", "ms")
        .split(' ')
        .map(str::to_owned)
        .collect();
    let all = ["your-number-is".to_owned()].into_iter().chain(pieces);
    let next_sentence = ["250ms", "confirm-or-key-number"].map(str::to_owned);
    for piece in all.chain(next_sentence) {
        if let Some(ms) = piece.strip_suffix("ms") {
            let pause = ms.parse::<usize>()? * 8;
            sentence.samples.resize(sentence.samples.len() + pause, 0.0);
            let last = sentence.joints.last_mut().ok_or("a pause comes first")?;
            last.1 += pause;
            continue;
        }
        let file = folder.join(format!("{piece}.wav"));
        sounds(&["play", &format!("en/{piece}")], &file)?;
        sentence.samples.extend(read_wav(&file)?);
        sentence.joints.push((sentence.samples.len(), 0));
    }
    // Nothing follows the last.
    sentence.joints.pop();
    let number = read_wav(&folder.join("number.wav"))?;
    let inside = sentence.samples.windows(number.len()).any(|part| part == number);
    ensure(inside, || "`sounds say` says something else than its pieces".to_owned())?;
    Ok(sentence)
}

fn sounds(what: &[&str], file: &Path) -> Outcome<String> {
    let mut command = Command::new(binary());
    command.arg("sounds").args(what).arg("--output").arg(file);
    let output = command.output()?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure(output.status.success(), || format!("sounds {what:?}: {said}"))?;
    Ok(said)
}

/// So many samples as they came, put in order by their timestamps; none may be missing.
pub(crate) fn listen(caller: &Caller, count: usize) -> Outcome<Vec<u8>> {
    let mut packets = BTreeMap::new();
    let (started, patience) = (now(), Duration::from_secs(60));
    let mut first = None;
    while packets.len() * 160 < count {
        let left = patience.checked_sub(started.elapsed()).ok_or("not enough was heard")?;
        caller.sound.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let mut packet = [0; 2048];
        let length = caller.sound.recv(&mut packet)?;
        ensure(length == 172, || format!("a packet of {length} bytes"))?;
        let number = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let first = *first.get_or_insert(number);
        packets.insert(number.wrapping_sub(first), packet[12..length].to_vec());
    }
    let gap = packets.keys().zip((0_u32..).step_by(160)).find(|(at, due)| *at != due);
    ensure(gap.is_none(), || format!("a packet is missing: {gap:?}"))?;
    Ok(packets.into_values().flatten().collect())
}

/// How many samples around a place are silent.
fn silence_around(samples: &[f64], at: usize) -> usize {
    let silent = |part: &&[f64]| {
        let power: f64 = part.iter().map(|sample| sample * sample).sum();
        (power / part.len() as f64).sqrt() < SILENT_BELOW
    };
    let before = samples[..at].rchunks_exact(STRETCH).take_while(silent).count();
    let after = samples[at..].chunks_exact(STRETCH).take_while(silent).count();
    (before + after) * STRETCH
}
