//! The external term format, term by term: what goes to Erlang is written, and what comes often is read, without any tree of
//! terms in between.

const SMALL_INTEGER: u8 = 97;
const INTEGER: u8 = 98;
const SMALL_TUPLE: u8 = 104;
const NIL: u8 = 106;
const LIST: u8 = 108;
const BINARY: u8 = 109;
const SMALL_BIG: u8 = 110;
const MAP: u8 = 116;
const ATOM: u8 = 118;
const SMALL_ATOM: u8 = 119;

/// What every encoded term begins with.
pub const VERSION: u8 = 131;

/// Appends terms.
pub struct Writer<'a>(pub &'a mut Vec<u8>);

impl Writer<'_> {
    /// The elements must follow.
    pub fn tuple(&mut self, arity: u8) -> &mut Self {
        self.0.extend_from_slice(&[SMALL_TUPLE, arity]);
        self
    }

    /// `name` has 255 bytes at most.
    pub fn atom(&mut self, name: &str) -> &mut Self {
        self.0.extend_from_slice(&[SMALL_ATOM, name.len() as u8]);
        self.0.extend_from_slice(name.as_bytes());
        self
    }

    pub fn integer(&mut self, value: u64) -> &mut Self {
        if let Ok(small) = u8::try_from(value) {
            self.0.extend_from_slice(&[SMALL_INTEGER, small]);
        } else if let Ok(value) = i32::try_from(value) {
            self.0.push(INTEGER);
            self.0.extend_from_slice(&value.to_be_bytes());
        } else {
            self.0.extend_from_slice(&[SMALL_BIG, 8, 0]);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
        self
    }

    pub fn binary(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.push(BINARY);
        self.0
            .extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// The keys and values must follow.
    pub fn map(&mut self, pairs: u32) -> &mut Self {
        self.0.push(MAP);
        self.0.extend_from_slice(&pairs.to_be_bytes());
        self
    }

    /// Begins a list, whose elements must follow, and then [`Writer::end_list`] with what this returns.
    pub fn list(&mut self) -> usize {
        let begin = self.0.len();
        self.0.extend_from_slice(&[LIST, 0, 0, 0, 0]);
        begin
    }

    /// Ends the list that began at `begin`. `elements` is not 0: the empty list is written otherwise.
    pub fn end_list(&mut self, begin: usize, elements: u32) -> &mut Self {
        self.0[begin + 1..begin + 5].copy_from_slice(&elements.to_be_bytes());
        self.0.push(NIL);
        self
    }

    /// A term that has been encoded already, without the version.
    pub fn encoded(&mut self, term: &[u8]) -> &mut Self {
        self.0.extend_from_slice(term);
        self
    }
}

/// Takes terms off encoded ones, as `term_to_binary/2` with `minor_version` 2 writes them. `None` is another term than the
/// one that is asked for.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn length(&mut self) -> Option<usize> {
        Some(u32::from_be_bytes(self.array()?) as usize)
    }

    pub fn version(&mut self) -> Option<()> {
        (self.byte()? == VERSION).then_some(())
    }

    /// The arity of a tuple, whose elements are next.
    pub fn tuple(&mut self) -> Option<u8> {
        match self.array()? {
            [SMALL_TUPLE, arity] => Some(arity),
            _ => None,
        }
    }

    pub fn atom(&mut self) -> Option<&'a [u8]> {
        let length = match self.byte()? {
            SMALL_ATOM => self.byte()?.into(),
            ATOM => u16::from_be_bytes(self.array()?).into(),
            _ => return None,
        };
        self.bytes(length)
    }

    pub fn boolean(&mut self) -> Option<bool> {
        match self.atom()? {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// A non-negative integer of 64 bits.
    pub fn integer(&mut self) -> Option<u64> {
        match self.byte()? {
            SMALL_INTEGER => self.byte().map(u64::from),
            INTEGER => u64::try_from(i32::from_be_bytes(self.array()?)).ok(),
            SMALL_BIG => {
                let [length, sign] = self.array()?;
                if sign != 0 || length > 8 {
                    return None;
                }
                let digits = self.bytes(length.into())?;
                let value = digits.iter().rev();
                Some(value.fold(0, |value, digit| value << 8 | u64::from(*digit)))
            }
            _ => None,
        }
    }

    /// `infinity`, or a non-negative integer of 64 bits.
    pub fn limit(&mut self) -> Option<Option<u64>> {
        if let Some(&SMALL_ATOM | &ATOM) = self.0.first() {
            return (self.atom()? == b"infinity").then_some(None);
        }
        self.integer().map(Some)
    }

    pub fn binary(&mut self) -> Option<&'a [u8]> {
        if self.byte()? != BINARY {
            return None;
        }
        let length = self.length()?;
        self.bytes(length)
    }

    /// The elements of a list, each taken by `element`.
    pub fn list(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        match self.byte()? {
            NIL => Some(()),
            LIST => {
                for _ in 0..self.length()? {
                    element(self)?;
                }
                (self.byte()? == NIL).then_some(())
            }
            _ => None,
        }
    }

    /// Whether nothing follows.
    pub fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
