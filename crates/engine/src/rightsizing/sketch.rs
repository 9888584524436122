//! Two weeks of one container's use in less than four kilobytes: what is kept of what is sampled by ourselves.
//!
//! Time is cut into slots of five minutes; each has one amount of CPU and one of memory. The last two hours that something
//! is known of keep all their slots. Of an hour before those the slots' CPU is sorted and kept as four amounts: the greatest
//! of the lower half, of the next quarter, of the next sixth, and the greatest of all. Of memory the greatest is kept. So
//! no percentile is below the true one, the greatest of each hour is exact, and what is too high is so by at most the
//! greatest of the same part of its hour.

use std::collections::VecDeque;

use model::Time;

use super::scale::{Amount, HIGHEST_CODE};
use super::{Resource, Sample, Series, Usage};

/// As far apart as samples of Prometheus are.
pub const SLOT_SECONDS: i64 = 300;
/// Hours that are kept: two weeks, which is all that any strategy looks at.
pub const MOST_HOURS: usize = 14 * 24;
const HOUR_SECONDS: i64 = 3_600;
const SLOTS: usize = 12;
/// What belongs to an hour comes until the one after it is over.
const OPEN_HOURS: usize = 2;
/// Room is made for a day at a time: twice what is there would be up to twice too much.
const MORE_HOURS: usize = 24;
/// Of an hour that is over: how many slots had CPU and how many memory, four amounts of CPU, one of memory.
const HOUR_BYTES: usize = 11;
const OPEN_BYTES: usize = 8 + 2 * 2 * SLOTS;
/// A slot of which nothing is known.
const UNKNOWN: u16 = u16::MAX;

/// The use of one container, of the replica that uses most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Hours since 1970 of the first of those that are over.
    first: i64,
    /// One after the other, those in between of which nothing is known too.
    hours: VecDeque<[u8; HOUR_BYTES]>,
    /// The last ones, in order.
    open: Vec<OpenHour>,
}

/// An hour whose slots are all kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OpenHour {
    hour: i64,
    /// Codes by `Resource::index` and slot.
    codes: [[u16; SLOTS]; 2],
}

/// An hour that is over, as it is read.
struct ClosedHour {
    counts: [usize; 2],
    cpu: [u16; 4],
    memory: u16,
}

impl Sketch {
    /// Takes in what was used in the slot of this moment; of two amounts for one slot the greater counts. False where it
    /// comes too late, or cannot have been measured.
    pub fn put(&mut self, resource: Resource, at: Time, amount: f64) -> bool {
        if !resource.is_plausible(amount) || at.0 < 0 {
            return false;
        }
        let (hour, slot) = (at.0 / HOUR_SECONDS, (at.0 % HOUR_SECONDS / SLOT_SECONDS) as usize);
        let Some(open) = self.open_hour(hour) else { return false };
        let code = &mut open.codes[resource.index()][slot];
        let new = resource.code(amount);
        *code = if *code == UNKNOWN { new } else { new.max(*code) };
        while self.open.len() > OPEN_HOURS {
            let over = self.open.remove(0);
            self.close(&over);
        }
        true
    }

    /// The hour, opened where it is not too late for it.
    fn open_hour(&mut self, hour: i64) -> Option<&mut OpenHour> {
        if let Some(at) = self.open.iter().position(|open| open.hour == hour) {
            return self.open.get_mut(at);
        }
        let is_over = !self.hours.is_empty() && hour < self.end();
        let is_before_all = self.open.len() == OPEN_HOURS && self.open.iter().all(|open| hour < open.hour);
        if is_over || is_before_all {
            return None;
        }
        let at = self.open.partition_point(|open| open.hour < hour);
        self.open.insert(at, OpenHour { hour, codes: [[UNKNOWN; SLOTS]; 2] });
        self.open.get_mut(at)
    }

    /// The hour after the last that is over.
    fn end(&self) -> i64 {
        self.first.saturating_add(self.hours.len() as i64)
    }

    fn close(&mut self, over: &OpenHour) {
        if self.hours.is_empty() || over.hour - self.end() >= MOST_HOURS as i64 {
            self.hours.clear();
            self.first = over.hour;
        }
        while self.end() < over.hour {
            self.push(ClosedHour { counts: [0; 2], cpu: [0; 4], memory: 0 }.bytes());
        }
        self.push(over.closed().bytes());
    }

    fn push(&mut self, hour: [u8; HOUR_BYTES]) {
        if self.hours.len() == MOST_HOURS {
            self.hours.pop_front();
            self.first += 1;
        }
        if self.hours.len() == self.hours.capacity() {
            self.hours.reserve_exact(MORE_HOURS);
        }
        self.hours.push_back(hour);
    }

    /// Takes in what is known since. What belongs to hours that were over here stays out.
    pub fn absorb(&mut self, newer: &Sketch) {
        let usage = newer.usage();
        let of =
            |resource: Resource| usage.of(resource).samples().iter().map(move |sample| (sample.at, resource, sample));
        let mut all: Vec<_> = Resource::ALL.into_iter().flat_map(of).collect();
        all.sort_by_key(|(at, resource, _)| (*at, *resource));
        for (at, resource, sample) in all {
            self.put(resource, at, sample.amount);
        }
    }

    /// Drops hours that ended before this moment.
    pub fn forget_before(&mut self, at: Time) {
        let hour = at.0.div_euclid(HOUR_SECONDS);
        while !self.hours.is_empty() && self.first < hour {
            self.hours.pop_front();
            self.first += 1;
        }
        self.open.retain(|open| open.hour >= hour);
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.hours.is_empty() && self.open.is_empty()
    }

    /// The beginning of the first hour that something is known of.
    pub fn first(&self) -> Option<Time> {
        let first = if self.hours.is_empty() { self.open.first()?.hour } else { self.first };
        Some(Time(first * HOUR_SECONDS))
    }

    /// The beginning of the last slot that something is known of.
    pub fn last(&self) -> Option<Time> {
        let Some(open) = self.open.last() else {
            return (!self.hours.is_empty()).then(|| Time((self.end() - 1) * HOUR_SECONDS));
        };
        let is_known = |slot: &usize| open.codes.iter().any(|codes| codes[*slot] != UNKNOWN);
        let slot = (0..SLOTS).rev().find(is_known).unwrap_or(0);
        Some(Time(open.hour * HOUR_SECONDS + slot as i64 * SLOT_SECONDS))
    }

    /// As samples, each at the beginning of its slot. The slots of an hour that is over are in the order of their amounts.
    pub fn usage(&self) -> Usage {
        Usage { cpu: self.series(Resource::Cpu), memory: self.series(Resource::Memory), events: Vec::new() }
    }

    fn series(&self, resource: Resource) -> Series {
        let mut samples = Vec::new();
        let mut take = |hour: i64, slot: usize, code: u16| {
            let at = Time(hour * HOUR_SECONDS + slot as i64 * SLOT_SECONDS);
            samples.push(Sample { at, amount: resource.decoded(code) });
        };
        for (hour, closed) in (self.first..).zip(self.hours.iter().map(ClosedHour::of)) {
            let count = closed.counts[resource.index()];
            let mut part = 0;
            for slot in 0..count {
                while slot >= ends(count)[part] {
                    part += 1;
                }
                let code = if resource == Resource::Cpu { closed.cpu[part] } else { closed.memory };
                take(hour, slot, code);
            }
        }
        for open in &self.open {
            for (slot, code) in open.codes[resource.index()].into_iter().enumerate() {
                if code != UNKNOWN {
                    take(open.hour, slot, code);
                }
            }
        }
        Series::new(resource, samples)
    }

    /// Bytes of memory that it takes.
    pub fn size(&self) -> usize {
        size_of::<Sketch>()
            + self.hours.capacity() * size_of::<[u8; HOUR_BYTES]>()
            + self.open.capacity() * size_of::<OpenHour>()
    }

    /// To be written down.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.first.to_le_bytes().to_vec();
        bytes.extend((self.hours.len() as u16).to_le_bytes());
        self.hours.iter().for_each(|hour| bytes.extend(hour));
        for open in &self.open {
            bytes.extend(open.hour.to_le_bytes());
            open.codes.iter().flatten().for_each(|code| bytes.extend(code.to_le_bytes()));
        }
        bytes
    }

    /// Of what `to_bytes` has made; none of anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Sketch> {
        let (first, rest) = bytes.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (first, count) = (i64::from_le_bytes(*first), usize::from(u16::from_le_bytes(*count)));
        let (hours, open) = rest.split_at_checked(count.checked_mul(HOUR_BYTES)?)?;
        let hours: VecDeque<[u8; HOUR_BYTES]> = hours.as_chunks().0.iter().copied().collect();
        let (open, rest) = open.as_chunks::<OPEN_BYTES>();
        let open: Vec<OpenHour> = open.iter().map(OpenHour::of).collect();
        let sketch = Sketch { first, hours, open };
        (rest.is_empty() && sketch.is_sound()).then_some(sketch)
    }

    fn is_sound(&self) -> bool {
        // Time of which no year is known would only overflow.
        let is_a_time = |hour: i64| (0..i64::from(u32::MAX)).contains(&hour);
        let follows = self.hours.is_empty() || self.open.first().is_none_or(|open| open.hour >= self.end());
        self.hours.len() <= MOST_HOURS
            && self.open.len() <= OPEN_HOURS
            && is_a_time(self.first)
            && self.hours.iter().map(ClosedHour::of).all(|hour| hour.is_sound())
            && self.open.iter().all(|open| is_a_time(open.hour))
            && self.open.windows(2).all(|pair| pair[0].hour < pair[1].hour)
            && follows
    }
}

/// Where each of the four parts of so many sorted slots ends.
fn ends(count: usize) -> [usize; 4] {
    let (half, three_quarters) = (count.div_ceil(2), (3 * count).div_ceil(4));
    [half, three_quarters, count.saturating_sub(1).max(three_quarters), count]
}

impl OpenHour {
    fn closed(&self) -> ClosedHour {
        let known = |resource: Resource| {
            let mut codes: Vec<u16> = self.codes[resource.index()].to_vec();
            codes.retain(|code| *code != UNKNOWN);
            codes.sort_unstable();
            codes
        };
        let (cpu, memory) = (known(Resource::Cpu), known(Resource::Memory));
        let greatest = |end: usize| end.checked_sub(1).map_or(0, |last| cpu[last]);
        ClosedHour {
            counts: [cpu.len(), memory.len()],
            cpu: ends(cpu.len()).map(greatest),
            memory: memory.last().copied().unwrap_or(0),
        }
    }

    fn of(bytes: &[u8; OPEN_BYTES]) -> OpenHour {
        let (mut hour, mut codes) = ([0; 8], [[UNKNOWN; SLOTS]; 2]);
        hour.copy_from_slice(&bytes[..8]);
        for (code, pair) in codes.iter_mut().flatten().zip(bytes[8..].as_chunks().0) {
            *code = u16::from_le_bytes(*pair);
        }
        OpenHour { hour: i64::from_le_bytes(hour), codes }
    }
}

impl ClosedHour {
    fn bytes(&self) -> [u8; HOUR_BYTES] {
        let mut bytes = [0; HOUR_BYTES];
        // Both are at most twelve.
        bytes[0] = (self.counts[0] << 4 | self.counts[1]) as u8;
        for (place, code) in bytes[1..].as_chunks_mut().0.iter_mut().zip(self.cpu.into_iter().chain([self.memory])) {
            *place = code.to_le_bytes();
        }
        bytes
    }

    fn of(bytes: &[u8; HOUR_BYTES]) -> ClosedHour {
        let code = |at: usize| u16::from_le_bytes([bytes[2 * at + 1], bytes[2 * at + 2]]);
        let counts = [usize::from(bytes[0] >> 4), usize::from(bytes[0] & 15)];
        ClosedHour { counts, cpu: [0, 1, 2, 3].map(code), memory: code(4) }
    }

    fn is_sound(&self) -> bool {
        self.counts.iter().all(|count| *count <= SLOTS)
            && self.cpu.is_sorted()
            && self.cpu.iter().chain([&self.memory]).all(|code| *code <= HIGHEST_CODE)
    }
}

#[cfg(test)]
#[path = "sketch_properties.rs"]
mod properties;
