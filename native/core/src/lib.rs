#![forbid(unsafe_code)]

pub mod frame;
pub mod mask;
pub mod message;
pub mod payload;
pub mod utf8;
