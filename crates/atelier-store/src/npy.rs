//! Arrays in NumPy's file format.

use std::path::Path;

use crate::npy_header::{self, Header, LARGEST_RANK};
use crate::{Error, Result, fs};

/// An array as an NPY file holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct NpyArray {
    /// Its dimensions; none for a single number.
    pub shape: Vec<usize>,
    /// Its elements, row-major, whatever the order and the byte order in the file.
    pub values: NpyValues,
}

/// A number that NPY files hold.
pub trait NpyElement: Copy + sealed::Element {}

mod sealed {
    pub trait Element: Sized {
        const DESCR: &'static str;
        fn append_to(self, bytes: &mut Vec<u8>);
        fn of(values: super::NpyValues) -> Result<Vec<Self>, super::NpyValues>;
    }
}

macro_rules! elements {
    ($($variant:ident $type:ident $name:literal $order:literal;)*) => {
        /// The elements of an [`NpyArray`], by their type.
        #[derive(Debug, Clone, PartialEq)]
        pub enum NpyValues {$(
            #[doc = concat!("Elements of type `", stringify!($type), "`.")]
            $variant(Vec<$type>),
        )*}

        impl NpyValues {
            /// The name of the element type, such as `f32`.
            #[must_use]
            pub fn type_name(&self) -> &'static str {
                match self {$(Self::$variant(_) => stringify!($type),)*}
            }

            fn read(header: &Header, bytes: &[u8]) -> Option<Self> {
                Some(match header.element {
                    $($name => {
                        let chunks = bytes.as_chunks().0.iter();
                        let values: Vec<$type> = if header.big_endian {
                            chunks.map(|&b| $type::from_be_bytes(b)).collect()
                        } else {
                            chunks.map(|&b| $type::from_le_bytes(b)).collect()
                        };
                        let fortran = header.fortran_order && header.shape.len() > 1;
                        Self::$variant(if fortran {
                            row_major(&values, &header.shape)
                        } else {
                            values
                        })
                    })*
                    _ => return None,
                })
            }
        }

        $(
            impl NpyElement for $type {}
            impl sealed::Element for $type {
                const DESCR: &'static str = concat!($order, $name);
                fn append_to(self, bytes: &mut Vec<u8>) {
                    bytes.extend_from_slice(&self.to_le_bytes());
                }
                fn of(values: NpyValues) -> std::result::Result<Vec<Self>, NpyValues> {
                    match values {
                        NpyValues::$variant(values) => Ok(values),
                        other => Err(other),
                    }
                }
            }
        )*
    };
}

elements! {
    U8 u8 "u1" "|";
    I8 i8 "i1" "|";
    U16 u16 "u2" "<";
    I16 i16 "i2" "<";
    U32 u32 "u4" "<";
    I32 i32 "i4" "<";
    U64 u64 "u8" "<";
    I64 i64 "i8" "<";
    F32 f32 "f4" "<";
    F64 f64 "f8" "<";
}

impl NpyArray {
    /// Reads an array from the bytes of a file; `path` is for messages alone.
    ///
    /// Versions 1 to 3, integers and floats of 8 to 64 bits (floats of 32 and 64), both byte orders,
    /// C and Fortran order. No more memory is taken than the file is long, whatever its header says.
    ///
    /// # Errors
    /// [`Error::Format`] if the bytes are not exactly one such array.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        decode(bytes, path, false)
    }

    /// The elements, if they are of type `T`; `path` is for the message alone.
    ///
    /// # Errors
    /// [`Error::Format`] if they are of another type.
    pub fn into_vec<T: NpyElement>(self, path: &Path) -> Result<Vec<T>> {
        T::of(self.values).map_err(|values| {
            let expected = std::any::type_name::<T>();
            Error::format(path, 10, "the element type", expected, values.type_name())
        })
    }
}

/// Reads an NPY file, as [`NpyArray::decode`].
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Format`] if it is not exactly one array.
pub fn read_npy(path: &Path) -> Result<NpyArray> {
    decode(&fs::read_numbers(path)?, path, false)
}

/// As [`NpyArray::decode`], for a file that another process may be adding rows to ([`crate::NpyLog`]): what
/// lies after the rows that the header counts is left out.
pub(crate) fn decode_rows(bytes: &[u8], path: &Path) -> Result<NpyArray> {
    decode(bytes, path, true)
}

/// The bytes of an NPY file (version 1.0, little endian, C order) with `values` in row-major order.
///
/// ```
/// let bytes = atelier_store::npy_bytes(&[2, 3], &[1.0_f64, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!(bytes.len(), 128 + 6 * 8);
/// let array = atelier_store::NpyArray::decode(&bytes, "surface.npy".as_ref())?;
/// assert_eq!(array.shape, [2, 3]);
/// # Ok::<(), atelier_store::Error>(())
/// ```
///
/// # Errors
/// [`Error::Array`] if the product of `shape` is not the number of values, or there are more than 64
/// dimensions.
pub fn npy_bytes<T: NpyElement>(shape: &[usize], values: &[T]) -> Result<Vec<u8>> {
    let refuse =
        |what, expected: String, found: String| Err(Error::array("", what, expected, found));
    if shape.len() > LARGEST_RANK {
        let expected = format!("at most {LARGEST_RANK}");
        return refuse("the number of its dimensions", expected, shape.len().to_string());
    }
    if elements(shape) != Some(values.len()) {
        let expected = format!("as many values as {shape:?} says");
        return refuse("its content", expected, format!("{} values", values.len()));
    }
    let mut bytes = npy_header::write(T::DESCR, shape);
    bytes.reserve(size_of_val(values));
    for &value in values {
        value.append_to(&mut bytes);
    }
    Ok(bytes)
}

fn elements(shape: &[usize]) -> Option<usize> {
    // A dimension of 0 makes the product 0, however large the others are.
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1_usize, |n, &dim| n.checked_mul(dim))
}

fn decode(bytes: &[u8], path: &Path, more_may_follow: bool) -> Result<NpyArray> {
    let header = npy_header::parse(bytes, path)?;
    let data = &bytes[header.len..];
    let size = usize::from(header.element.as_bytes()[1] - b'0');
    let wanted = elements(&header.shape).and_then(|n| n.checked_mul(size));
    let fits = |wanted: usize| wanted == data.len() || more_may_follow && wanted < data.len();
    let Some(wanted) = wanted.filter(|&wanted| fits(wanted)) else {
        let many = wanted.map_or("more bytes than can be".to_string(), |n| format!("{n} bytes"));
        let expected = format!("{many}, for {:?} elements of {size} bytes", header.shape);
        let found = format!("{} bytes", data.len());
        return Err(Error::format(path, header.len, "the size of the values", expected, found));
    };
    let values = NpyValues::read(&header, &data[..wanted]);
    let values = values.ok_or_else(|| {
        Error::format(path, header.len, "the element type", "a known one", header.element)
    })?;
    Ok(NpyArray { shape: header.shape, values })
}

/// Values in Fortran order (the first index fastest), brought into C order.
fn row_major<T: Copy>(values: &[T], shape: &[usize]) -> Vec<T> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1_usize;
    for &n in shape {
        strides.push(stride);
        // Empty arrays may have huge dimensions, and no element to be found by them.
        stride = stride.saturating_mul(n);
    }
    let mut index = vec![0; shape.len()];
    let mut place = 0;
    let mut out = Vec::with_capacity(values.len());
    while out.len() < values.len() {
        out.push(values[place]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            place += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            place -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}
