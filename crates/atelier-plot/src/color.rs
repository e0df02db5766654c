/// The colours of series: the palette of Okabe and Ito, which people with the common kinds of
/// colour blindness can tell apart, without its yellow, which is too pale for a line on white.
///
/// # References
/// M. Okabe and K. Ito, "Color Universal Design", 2008.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// `#0072B2`
    Blue,
    /// `#D55E00`
    Vermillion,
    /// `#009E73`
    Green,
    /// `#CC79A7`
    Purple,
    /// `#E69F00`
    Orange,
    /// `#56B4E9`
    SkyBlue,
    /// `#000000`
    Black,
    /// `#999999`; not among the colours that series get by themselves
    Grey,
    /// `#7A4B1E`; not among the colours that series get by themselves
    Brown,
    /// `#C9B800`, a yellow dark enough for white paper; not among the colours that series get by
    /// themselves
    Olive,
}

impl Color {
    /// The order in which series without a colour of their own get one.
    const CYCLE: [Self; 7] = [
        Self::Blue,
        Self::Vermillion,
        Self::Green,
        Self::Purple,
        Self::Orange,
        Self::SkyBlue,
        Self::Black,
    ];

    /// Ten colours for the ten classes of a scatter: those of series, then the three others. For
    /// more classes they begin again.
    #[must_use]
    pub fn of_class(class: usize) -> Self {
        const OTHERS: [Color; 3] = [Color::Grey, Color::Brown, Color::Olive];
        let index = class % (Self::CYCLE.len() + OTHERS.len());
        if index < Self::CYCLE.len() {
            Self::CYCLE[index]
        } else {
            OTHERS[index - Self::CYCLE.len()]
        }
    }

    pub(crate) fn of_series(index: usize) -> Self {
        Self::CYCLE[index % Self::CYCLE.len()]
    }

    pub(crate) fn rgb(self) -> Rgb {
        match self {
            Self::Blue => Rgb(0x00, 0x72, 0xB2),
            Self::Vermillion => Rgb(0xD5, 0x5E, 0x00),
            Self::Green => Rgb(0x00, 0x9E, 0x73),
            Self::Purple => Rgb(0xCC, 0x79, 0xA7),
            Self::Orange => Rgb(0xE6, 0x9F, 0x00),
            Self::SkyBlue => Rgb(0x56, 0xB4, 0xE9),
            Self::Black => Rgb(0x00, 0x00, 0x00),
            Self::Grey => Rgb(0x99, 0x99, 0x99),
            Self::Brown => Rgb(0x7A, 0x4B, 0x1E),
            Self::Olive => Rgb(0xC9, 0xB8, 0x00),
        }
    }
}

/// Red, green, blue in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rgb(pub u8, pub u8, pub u8);
