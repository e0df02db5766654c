/// A grey image, row by row from the top, each row from the left: 0 is black, 255 is white.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreyImage {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

impl GreyImage {
    /// An image of `height` rows of `width` pixels.
    #[must_use]
    pub fn new(width: usize, height: usize, pixels: impl Into<Vec<u8>>) -> Self {
        Self { width, height, pixels: pixels.into() }
    }

    /// An image of shares of white in [0, 1]; what lies outside becomes black or white, NaN black.
    #[must_use]
    pub fn from_shares(width: usize, height: usize, shares: &[f32]) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in [0, 255]")]
        let grey = |&share: &f32| (share.clamp(0.0, 1.0) * 255.0).round() as u8;
        Self { width, height, pixels: shares.iter().map(grey).collect() }
    }
}
