//! Messages to measure with: the same in every run, and no two of a sequence alike.

/// Words of the texts.
const WORDS: [&str; 16] = [
    "order", "price", "amount", "status", "pending", "accepted", "customer", "account", "update",
    "balance", "currency", "symbol", "limit", "market", "filled", "partial",
];

/// A sequence of numbers that look random (Knuth's MMIX generator).
pub struct Numbers(u64);

impl Numbers {
    pub fn new() -> Self {
        Numbers(1)
    }

    fn next(&mut self) -> u64 {
        self.0 = (self.0.wrapping_mul(6_364_136_223_846_793_005))
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// The next mask of a client.
    pub fn mask(&mut self) -> [u8; 4] {
        (self.next() as u32).to_be_bytes()
    }

    /// JSON of exactly `length` bytes: records whose keys recur and whose values differ.
    pub fn json(&mut self, length: usize) -> Vec<u8> {
        let mut json = String::from("[");
        while json.len() < length {
            let (first, second) = (self.next() % 16, self.next() % 16);
            json += &format!(
                "{{\"id\":{},\"kind\":\"{}\",\"state\":\"{}\",\"value\":{}.{:02}}},",
                self.next() % 1_000_000,
                WORDS[first as usize],
                WORDS[second as usize],
                self.next() % 10_000,
                self.next() % 100,
            );
        }
        json.truncate(length);
        json.into_bytes()
    }
}

/// Text of exactly `length` bytes, a third of whose characters take 2 to 4 bytes.
pub fn mixed_text(length: usize) -> Vec<u8> {
    let mut text = "Grüße an Zoë, naïve Füchse; 世界 and κόσμε 😀! ".repeat(length / 40 + 1);
    let end = (0..=length).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text.extend(std::iter::repeat_n('.', length - text.len()));
    text.into_bytes()
}

/// A client's frame.
pub fn masked_frame(opcode: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        short @ ..126 => frame.push(0x80 | short as u8),
        medium @ ..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend((payload.iter().zip(mask.into_iter().cycle())).map(|(byte, key)| byte ^ key));
    frame
}
