//! The protobuf wire format as a tree, without a schema ("Encoding", Protocol Buffers
//! documentation): enough to change one field of a model and keep the rest well formed.

/// One field of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Field number, 1 and up.
    pub number: u64,
    /// Its value.
    pub value: Value,
}

/// A value by wire type; a length-delimited one that reads as a message is one.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64([u8; 8]),
    /// Wire type 5.
    Fixed32([u8; 4]),
    /// Wire type 2, opaque.
    Bytes(Vec<u8>),
    /// Wire type 2, a message.
    Message(Vec<Field>),
}

/// Deepest nesting that is taken apart; what lies deeper stays opaque.
const DEPTH: usize = 12;

/// Longest field that is tried as a message; longer ones are tensor data, save at the top.
const LONGEST: usize = 1 << 16;

/// Reads `bytes` as a message; `None` if they are not one.
pub fn parse(bytes: &[u8]) -> Option<Vec<Field>> {
    message(bytes, 0)
}

fn message(bytes: &[u8], depth: usize) -> Option<Vec<Field>> {
    let mut at = 0;
    let mut fields = Vec::new();
    while at < bytes.len() {
        let tag = varint(bytes, &mut at)?;
        let number = tag >> 3;
        // ONNX has field numbers up to 26; text that happens to parse mostly has larger ones.
        if !(1..=32).contains(&number) {
            return None;
        }
        let value = match tag & 7 {
            0 => Value::Varint(varint(bytes, &mut at)?),
            1 => Value::Fixed64(take(bytes, &mut at, 8)?.try_into().ok()?),
            5 => Value::Fixed32(take(bytes, &mut at, 4)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(varint(bytes, &mut at)?).ok()?;
                let body = take(bytes, &mut at, length)?;
                let nested = depth < DEPTH && !body.is_empty() && (depth < 1 || body.len() <= LONGEST);
                match nested.then(|| message(body, depth + 1)).flatten() {
                    Some(fields) => Value::Message(fields),
                    None => Value::Bytes(body.to_vec()),
                }
            }
            _ => return None,
        };
        fields.push(Field { number, value });
    }
    Some(fields)
}

fn take<'a>(bytes: &'a [u8], at: &mut usize, length: usize) -> Option<&'a [u8]> {
    let part = bytes.get(*at..at.checked_add(length)?)?;
    *at += length;
    Some(part)
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Writes a message.
pub fn print(fields: &[Field]) -> Vec<u8> {
    let mut out = Vec::new();
    put_fields(&mut out, fields);
    out
}

fn put_fields(out: &mut Vec<u8>, fields: &[Field]) {
    for field in fields {
        let tag = field.number << 3;
        match &field.value {
            Value::Varint(value) => {
                put_varint(out, tag);
                put_varint(out, *value);
            }
            Value::Fixed64(bytes) => {
                put_varint(out, tag | 1);
                out.extend(bytes);
            }
            Value::Fixed32(bytes) => {
                put_varint(out, tag | 5);
                out.extend(bytes);
            }
            Value::Bytes(bytes) => put_delimited(out, tag, bytes),
            Value::Message(fields) => put_delimited(out, tag, &print(fields)),
        }
    }
}

fn put_delimited(out: &mut Vec<u8>, tag: u64, body: &[u8]) {
    put_varint(out, tag | 2);
    put_varint(out, body.len() as u64);
    out.extend(body);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_round_trips_and_is_taken_apart() {
        let bytes = include_bytes!("../../../models/digits/digits.onnx");
        let fields = parse(bytes).unwrap();
        assert_eq!(print(&fields), bytes);
        // ModelProto.graph = 7, GraphProto.node = 1, NodeProto.op_type = 4.
        let graph = fields.iter().find(|field| field.number == 7).unwrap();
        let Value::Message(graph) = &graph.value else { panic!("the graph is opaque") };
        let nodes: Vec<_> = graph.iter().filter(|field| field.number == 1).collect();
        assert!(nodes.len() > 5);
        assert!(nodes.iter().any(|node| match &node.value {
            Value::Message(node) => node.contains(&Field { number: 4, value: Value::Bytes(b"Conv".to_vec()) }),
            _ => false,
        }));
    }

    #[test]
    fn broken_bytes_are_not_a_message() {
        for bytes in [&[0x08][..], &[0x0A, 5, 1], &[0x0B], &[0x00, 1], &[0xFF; 12]] {
            assert_eq!(parse(bytes), None, "{bytes:?}");
        }
    }
}
