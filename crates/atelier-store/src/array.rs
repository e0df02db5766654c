use crate::{Error, Result};

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// Floats of 32 bits.
    F32,
    /// Floats of 64 bits.
    F64,
    /// Unsigned integers of 32 bits.
    U32,
    /// Signed integers of 64 bits.
    I64,
    /// Bytes.
    U8,
}

impl Dtype {
    /// Bytes an element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::U32 => 4,
            Self::U8 => 1,
        }
    }

    /// The name that safetensors files use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F64 => "F64",
            Self::U32 => "U32",
            Self::I64 => "I64",
            Self::U8 => "U8",
        }
    }
}

/// An array with a name, as model files and checkpoints hold it.
///
/// The fields are free to be set; what does not fit together is refused where the array is written
/// or read as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedArray {
    /// Its name, such as `net.0.weight`.
    pub name: String,
    /// The type of its elements.
    pub dtype: Dtype,
    /// Its dimensions; none for a single number.
    pub shape: Vec<usize>,
    /// Its elements, row-major, little endian.
    pub bytes: Vec<u8>,
}

impl NamedArray {
    fn new<T: Copy, const N: usize>(
        name: impl Into<String>,
        dtype: Dtype,
        shape: &[usize],
        values: &[T],
        to_bytes: fn(T) -> [u8; N],
    ) -> Self {
        let bytes = values.iter().flat_map(|&value| to_bytes(value)).collect();
        Self { name: name.into(), dtype, shape: shape.to_vec(), bytes }
    }

    fn values<T, const N: usize>(&self, dtype: Dtype, value: fn([u8; N]) -> T) -> Result<Vec<T>> {
        if self.dtype != dtype {
            return Err(Error::array(&self.name, "its type", dtype.name(), self.dtype.name()));
        }
        self.check()?;
        Ok(self.bytes.as_chunks().0.iter().map(|&bytes| value(bytes)).collect())
    }

    /// Checks that shape, type and number of bytes belong together.
    pub(crate) fn check(&self) -> Result<()> {
        let elements = self.shape.iter().try_fold(1_usize, |n, &dim| n.checked_mul(dim));
        let expected = elements.and_then(|n| n.checked_mul(self.dtype.size()));
        if expected == Some(self.bytes.len()) {
            return Ok(());
        }
        let bytes = expected.map_or("more bytes than can be".to_string(), |n| format!("{n} bytes"));
        let expected = format!("{bytes} for {} {:?}", self.dtype.name(), self.shape);
        let found = format!("{} bytes", self.bytes.len());
        Err(Error::array(&self.name, "its content", expected, found))
    }

    /// Position of the first element that is an infinity or not a number.
    pub(crate) fn first_non_finite(&self) -> Option<usize> {
        let bytes = &self.bytes;
        match self.dtype {
            Dtype::F32 => {
                bytes.as_chunks().0.iter().position(|&b| !f32::from_le_bytes(b).is_finite())
            }
            Dtype::F64 => {
                bytes.as_chunks().0.iter().position(|&b| !f64::from_le_bytes(b).is_finite())
            }
            Dtype::U32 | Dtype::I64 | Dtype::U8 => None,
        }
    }
}

macro_rules! typed {
    ($($dtype:ident $type:ident $read:ident;)*) => {
        impl NamedArray {$(
            #[doc = concat!("An array of `", stringify!($type), "`; `values` in row-major order.")]
            #[must_use]
            pub fn $type(name: impl Into<String>, shape: &[usize], values: &[$type]) -> Self {
                Self::new(name, Dtype::$dtype, shape, values, $type::to_le_bytes)
            }

            #[doc = concat!("The elements as `", stringify!($type), "`, in row-major order.")]
            ///
            /// # Errors
            /// [`Error::Array`] if the array is of another type, or its shape does not fit its
            /// bytes.
            pub fn $read(&self) -> Result<Vec<$type>> {
                self.values(Dtype::$dtype, $type::from_le_bytes)
            }
        )*}
    };
}

typed! {
    F32 f32 as_f32;
    F64 f64 as_f64;
    U32 u32 as_u32;
    I64 i64 as_i64;
    U8 u8 as_u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went_in() {
        let floats = [0.1_f32, -0.0, f32::MAX, f32::MIN_POSITIVE];
        let array = NamedArray::f32("a", &[2, 2], &floats);
        let read = array.as_f32().expect("f32");
        assert!(read.iter().zip(floats).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert_eq!(NamedArray::f64("a", &[1], &[0.1]).as_f64().expect("f64"), [0.1]);
        assert_eq!(NamedArray::u32("a", &[], &[u32::MAX]).as_u32().expect("u32"), [u32::MAX]);
        assert_eq!(NamedArray::i64("a", &[1], &[i64::MIN]).as_i64().expect("i64"), [i64::MIN]);
        assert_eq!(NamedArray::u8("a", &[0], &[]).as_u8().expect("u8"), [0_u8; 0]);
        assert_eq!(NamedArray::u32("a", &[1], &[0x0102_0304]).bytes, [4, 3, 2, 1]);
    }

    #[test]
    fn another_type_or_a_shape_that_does_not_fit_is_an_error_with_the_facts() {
        let array = NamedArray::f32("w", &[3], &[1.0, 2.0, 3.0]);
        let message = array.as_u32().expect_err("type").to_string();
        assert_eq!(message, r#"array "w": its type is F32, expected U32"#);
        for shape in [&[2][..], &[3, 2], &[usize::MAX, 2], &[usize::MAX / 2], &[]] {
            let array = NamedArray::f32("w", shape, &[1.0, 2.0, 3.0]);
            let message = array.as_f32().expect_err("shape").to_string();
            assert!(message.contains("is 12 bytes") && message.contains("F32"), "{message}");
        }
    }
}
