//! What bytes are before they are a term: `eetf` allocates what length fields announce, recurses as deep as its input,
//! and panics at tags that it does not know well. So the shape is checked first, without allocating.

/// Deeper than any option of farrier's, and no danger to any stack.
const MAX_DEPTH: usize = 64;

/// Why bytes are no term that is read.
pub type Misshapen = &'static str;

const CUT_SHORT: Misshapen = "the term is cut short";

/// Fails unless `bytes` begin with a whole term of a bounded depth.
pub fn check(bytes: &[u8]) -> Result<(), Misshapen> {
    match bytes.split_first() {
        Some((131, term)) => skip_term(term, MAX_DEPTH).map(|_rest| ()),
        Some(_) => Err("the external term format begins with 131"),
        None => Err(CUT_SHORT),
    }
}

/// What follows the first term.
fn skip_term(bytes: &[u8], depth: usize) -> Result<&[u8], Misshapen> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err("the term is nested too deeply");
    };
    let (tag, rest) = number::<1>(bytes)?;
    match tag {
        // Integers, floats, atoms, strings, binaries.
        97 => skip(rest, 1),
        98 => skip(rest, 4),
        70 => skip(rest, 8),
        99 => skip(rest, 31),
        106 => Ok(rest),
        115 | 119 => counted::<1>(rest, 0),
        100 | 107 | 118 => counted::<2>(rest, 0),
        109 => counted::<4>(rest, 0),
        110 => counted::<1>(rest, 1),
        111 => counted::<4>(rest, 1),
        77 => skip_bits(rest),
        // Tuples, lists with their tails, maps.
        104 => number::<1>(rest).and_then(|(n, rest)| skip_terms(rest, n, depth)),
        105 => number::<4>(rest).and_then(|(n, rest)| skip_terms(rest, n, depth)),
        108 => number::<4>(rest).and_then(|(n, rest)| skip_terms(rest, n + 1, depth)),
        116 => number::<4>(rest).and_then(|(n, rest)| skip_terms(rest, 2 * n, depth)),
        // Ports, pids, references: a node's name and numbers.
        101 | 102 => skip(skip_term(rest, depth)?, 5),
        89 => skip(skip_term(rest, depth)?, 8),
        103 => skip(skip_term(rest, depth)?, 9),
        88 | 120 => skip(skip_term(rest, depth)?, 12),
        114 => number::<2>(rest).and_then(|(n, rest)| skip(skip_term(rest, depth)?, 4 * n + 1)),
        90 => number::<2>(rest).and_then(|(n, rest)| skip(skip_term(rest, depth)?, 4 * n + 4)),
        // Functions.
        113 => skip_terms(rest, 3, depth),
        112 => {
            let (free, rest) = number::<4>(skip(rest, 4 + 1 + 16 + 4)?)?;
            skip_terms(rest, 4 + free, depth)
        }
        80 => Err("a compressed term is not read"),
        _ => Err("the term has a tag that is not read"),
    }
}

fn skip_terms(mut bytes: &[u8], count: usize, depth: usize) -> Result<&[u8], Misshapen> {
    if count > bytes.len() {
        return Err(CUT_SHORT);
    }
    for _ in 0..count {
        bytes = skip_term(bytes, depth)?;
    }
    Ok(bytes)
}

/// A bit string: its last byte holds 1 to 8 bits.
fn skip_bits(bytes: &[u8]) -> Result<&[u8], Misshapen> {
    let (length, rest) = number::<4>(bytes)?;
    match number::<1>(rest)? {
        (1..=8, rest) => skip(rest, length),
        _ => Err("the last byte of a bit string holds 1 to 8 bits"),
    }
}

/// Skips as many bytes as a number of `N` bytes says, and `extra` besides.
fn counted<const N: usize>(bytes: &[u8], extra: usize) -> Result<&[u8], Misshapen> {
    let (count, rest) = number::<N>(bytes)?;
    skip(rest, count + extra)
}

/// A big-endian number of `N` bytes, four at most, and what follows it.
fn number<const N: usize>(bytes: &[u8]) -> Result<(usize, &[u8]), Misshapen> {
    let (digits, rest) = bytes.split_first_chunk::<N>().ok_or(CUT_SHORT)?;
    let value = digits
        .iter()
        .fold(0, |value, digit| value << 8 | usize::from(*digit));
    Ok((value, rest))
}

fn skip(bytes: &[u8], count: usize) -> Result<&[u8], Misshapen> {
    bytes.get(count..).ok_or(CUT_SHORT)
}
