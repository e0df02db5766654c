//! The wire format of protocol buffers: as much of it as a writer of messages needs.

/// A message in the making. Fields are written in the order of the calls.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

/// How the value of a field is laid out.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Delimited = 2,
    Fixed32 = 5,
}

impl Message {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A count or a code: `int32`, `int64` or an enumeration, none of ours being negative.
    pub(super) fn int(mut self, field: u64, value: u64) -> Self {
        self.key(field, Wire::Varint);
        self.varint(value);
        self
    }

    pub(super) fn float(mut self, field: u64, value: f32) -> Self {
        self.key(field, Wire::Fixed32);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(super) fn double(mut self, field: u64, value: f64) -> Self {
        self.key(field, Wire::Fixed64);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(super) fn data(mut self, field: u64, value: &[u8]) -> Self {
        self.key(field, Wire::Delimited);
        self.varint(value.len() as u64);
        self.bytes.extend(value);
        self
    }

    pub(super) fn text(self, field: u64, value: &str) -> Self {
        self.data(field, value.as_bytes())
    }

    pub(super) fn message(self, field: u64, value: &Self) -> Self {
        self.data(field, &value.bytes)
    }

    /// A repeated field of messages.
    pub(super) fn messages<'m>(
        self,
        field: u64,
        values: impl IntoIterator<Item = &'m Self>,
    ) -> Self {
        values.into_iter().fold(self, |message, value| message.message(field, value))
    }

    fn key(&mut self, field: u64, wire: Wire) {
        self.varint(field << 3 | wire as u64);
    }

    /// Seven bits a byte, lowest first; the eighth says that there are more.
    fn varint(&mut self, mut value: u64) {
        loop {
            let [low, ..] = (value & 0x7F).to_le_bytes();
            value >>= 7;
            if value == 0 {
                self.bytes.push(low);
                return;
            }
            self.bytes.push(low | 0x80);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_in_the_examples_of_the_format_s_documentation() {
        // Test1 { a: 150 }, Test2 { b: "testing" } and Test3 { c: { a: 150 } }.
        let inner = Message::default().int(1, 150);
        assert_eq!(inner.clone().into_bytes(), [0x08, 0x96, 0x01]);
        let text = Message::default().text(2, "testing").into_bytes();
        assert_eq!(text, [&[0x12, 0x07][..], b"testing"].concat());
        let outer = Message::default().message(3, &inner).into_bytes();
        assert_eq!(outer, [0x1A, 0x03, 0x08, 0x96, 0x01]);
    }

    #[test]
    fn numbers_of_fixed_size_are_little_endian_and_long_ones_take_many_bytes() {
        assert_eq!(Message::default().float(2, 1.0).into_bytes(), [0x15, 0, 0, 0x80, 0x3F]);
        let double = Message::default().double(1, 1.0).into_bytes();
        assert_eq!(double, [0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F]);
        assert_eq!(Message::default().int(20, 0).into_bytes(), [0xA0, 0x01, 0x00]);
        assert_eq!(Message::default().int(1, u64::MAX).into_bytes().len(), 11);
    }
}
