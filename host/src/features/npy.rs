//! NumPy's file format.
//!
//! By hand, because it is one line of text before the numbers; the crates for it bring a parser generator along, to read what we only
//! write.

use super::Matrix;

/// A matrix as the bytes of an `.npy` file, version 1.0: 32-bit floats, `(rows, columns)`, little-endian.
///
/// ```
/// use earmark::features::{Matrix, npy};
///
/// let file = npy(&Matrix { columns: 2, values: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0] });
/// assert!(file.starts_with(b"\x93NUMPY\x01\x00"));
/// assert_eq!(file.len(), 128 + 6 * 4);
/// ```
#[must_use]
pub fn npy(matrix: &Matrix) -> Vec<u8> {
    /// What numbers start at a multiple of.
    const ALIGNMENT: usize = 64;
    const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
    let (rows, columns) = (matrix.rows().len(), matrix.columns);
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Magic, the header's length in two bytes, the header, a line end.
    let length = (MAGIC.len() + 2 + header.len() + 1).next_multiple_of(ALIGNMENT) - MAGIC.len() - 2;
    header += &" ".repeat(length - header.len() - 1);
    header.push('\n');
    let mut file = MAGIC.to_vec();
    file.extend((length as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend(matrix.values.iter().flat_map(|value| value.to_le_bytes()));
    file
}
