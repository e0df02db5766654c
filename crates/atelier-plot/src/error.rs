/// What can be wrong with a figure that was asked for.
///
/// Panels are counted from 1, values within a series from 0.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The chart has no panel.
    #[error("the chart has no panel: add at least one")]
    NoPanel,
    /// A panel has nothing to draw.
    #[error("panel {panel} has no series: add at least one")]
    NoSeries {
        /// Which panel.
        panel: usize,
    },
    /// A series has no point with two finite coordinates.
    #[error(
        "series {series:?} of panel {panel} has no finite point among its {points}: leave it out or record it"
    )]
    Empty {
        /// Which panel.
        panel: usize,
        /// Name of the series.
        series: String,
        /// How many points it has, all of them with a NaN or an infinity.
        points: usize,
    },
    /// A series has more values along one axis than along the other.
    #[error("series {series:?} of panel {panel} has {xs} x values but {ys} y values")]
    Lengths {
        /// Which panel.
        panel: usize,
        /// Name of the series.
        series: String,
        /// Number of x values.
        xs: usize,
        /// Number of y values.
        ys: usize,
    },
    /// A value that its axis cannot show.
    #[error("panel {panel}, {place}: {value:e} cannot be drawn: expected {expected}")]
    Value {
        /// Which panel.
        panel: usize,
        /// Which value: `y[3] of series "train"`, or the reference line.
        place: String,
        /// The value found.
        value: f64,
        /// What the axis can show.
        expected: &'static str,
    },
    /// A dot plot has no row.
    #[error("the dot plot has no row: add at least one")]
    NoRow,
    /// A row of a dot plot has no value.
    #[error("row {row:?} has no value: leave it out or record some")]
    NoDot {
        /// Label of the row.
        row: String,
    },
    /// A value that the axis of a dot plot cannot show.
    #[error("value {index} of row {row:?} is {value:e}: expected {expected}")]
    Dot {
        /// Label of the row.
        row: String,
        /// Which value, counted from 0.
        index: usize,
        /// The value found.
        value: f64,
        /// What the axis can show.
        expected: &'static str,
    },
    /// The texts of a dot plot leave too little room for its rows.
    #[error(
        "{rows} rows have no room in a figure of {width} x {height} pixels: make the figure larger, or the rows or texts fewer"
    )]
    NoRoomForRows {
        /// How many rows.
        rows: usize,
        /// Width of the figure, in pixels.
        width: u32,
        /// Height of the figure, in pixels.
        height: u32,
    },
    /// A figure of parallel coordinates has no axis or no line.
    #[error("parallel coordinates with {axes} axes and {lines} lines: add at least one of each")]
    NothingParallel {
        /// How many axes.
        axes: usize,
        /// How many lines.
        lines: usize,
    },
    /// A line of parallel coordinates has not one place for each axis.
    #[error("line {line} has {found} places: expected {expected}, one for each axis")]
    ParallelPlaces {
        /// Which line, counted from 0.
        line: usize,
        /// How many places it has.
        found: usize,
        /// How many axes there are.
        expected: usize,
    },
    /// A value that an axis of parallel coordinates cannot show.
    #[error("line {line} has {value:e} on the axis {axis:?}: expected {expected}")]
    ParallelValue {
        /// Label of the axis.
        axis: String,
        /// Which line, counted from 0.
        line: usize,
        /// The value found.
        value: f64,
        /// What the axis can show.
        expected: &'static str,
    },
    /// No line has a place on an axis of parallel coordinates.
    #[error("no line has a value on the axis {axis:?}: leave it out")]
    EmptyAxis {
        /// Label of the axis.
        axis: String,
    },
    /// The axes of parallel coordinates stand too close, or the texts leave them no height.
    #[error(
        "{axes} axes have no room in a figure of {width} x {height} pixels: make the figure larger, or the axes or texts fewer"
    )]
    NoRoomForAxes {
        /// How many axes.
        axes: usize,
        /// Width of the figure, in pixels.
        width: u32,
        /// Height of the figure, in pixels.
        height: u32,
    },
    /// The grid has no image.
    #[error("the grid has no image: add at least one")]
    NoImage,
    /// An image has not as many pixels as its sides say.
    #[error(
        "an image of {width} x {height} has {found} pixels: expected their product, and at least one"
    )]
    Pixels {
        /// Pixels of a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Pixels that were given.
        found: usize,
    },
    /// The texts of a grid leave too little room for its images.
    #[error(
        "{images} images in {columns} columns have no room in a figure of {width} x {height} pixels: make the figure larger, or the images fewer"
    )]
    NoRoomForImages {
        /// How many images.
        images: usize,
        /// How many stand side by side.
        columns: usize,
        /// Width of the figure, in pixels.
        width: u32,
        /// Height of the figure, in pixels.
        height: u32,
    },
    /// The figure's size is out of bounds.
    #[error("a figure of {width} x {height} pixels: expected {min} to {max} in each direction")]
    Size {
        /// Width asked for, in pixels.
        width: u32,
        /// Height asked for, in pixels.
        height: u32,
        /// Least width and height.
        min: u32,
        /// Greatest width and height.
        max: u32,
    },
    /// The text around a panel leaves too little room for its data.
    #[error(
        "panel {panel} has no room left for its data in a figure of {width} x {height} pixels: make the figure larger, or its panels or texts fewer"
    )]
    NoRoom {
        /// Which panel.
        panel: usize,
        /// Width of the figure, in pixels.
        width: u32,
        /// Height of the figure, in pixels.
        height: u32,
    },
    /// The grid of a page is too small.
    #[error("the page's grid has {found} coordinates along {axis}: expected at least 2")]
    PageGrid {
        /// Which axis: x or y.
        axis: String,
        /// How many coordinates it has.
        found: usize,
    },
    /// A list of a page is not as long as its grid.
    #[error(
        "the page's {what} has {found} values: expected {expected}, one for each point of the grid"
    )]
    PageLength {
        /// Which list.
        what: &'static str,
        /// How many values it has.
        found: usize,
        /// How many points the grid has.
        expected: usize,
    },
    /// A page's surface has no height.
    #[error("none of the {points} losses of the page's grid is finite: choose a smaller plane")]
    NoFiniteLoss {
        /// How many points the grid has.
        points: usize,
    },
    /// A page of a search has nothing to show.
    #[error("none of the page's {trials} trials has a value: leave the page out")]
    NoPageTrial {
        /// How many trials there are.
        trials: usize,
    },
    /// A trial on a page has not one place for each parameter.
    #[error(
        "trial {number} of the page has {found} places: expected {expected}, one for each parameter"
    )]
    PagePlaces {
        /// The trial's number.
        number: usize,
        /// How many places it has.
        found: usize,
        /// How many parameters there are.
        expected: usize,
    },
    /// A run on a page has no point.
    #[error("run {run:?} of the page has no point: leave it out or record it")]
    PageRun {
        /// Name of the run.
        run: String,
    },
    /// A value that a page cannot show.
    #[error("the page's {place} is {value:e}: expected {expected}")]
    PageValue {
        /// Which value: `x[3]`, say.
        place: String,
        /// The value found.
        value: f64,
        /// What it can be.
        expected: &'static str,
    },
    /// A surface's grid has no cell.
    #[error("the surface has {found} coordinates along {axis}: expected at least 2")]
    SurfaceSide {
        /// Which axis: x or y.
        axis: &'static str,
        /// How many coordinates it has.
        found: usize,
    },
    /// A surface has not one height for every point of its grid.
    #[error("the surface has {found} heights over a grid of {xs} x {ys}: expected their product")]
    SurfaceHeights {
        /// Number of x coordinates.
        xs: usize,
        /// Number of y coordinates.
        ys: usize,
        /// Number of heights.
        found: usize,
    },
    /// A surface is nothing but holes.
    #[error("none of the {points} heights of the surface is finite: choose a smaller plane")]
    NoFiniteHeight {
        /// How many points the grid has.
        points: usize,
    },
    /// A trajectory has no point.
    #[error("trajectory {trajectory:?} has no point: leave it out or record it")]
    NoPoint {
        /// Name of the trajectory.
        trajectory: String,
    },
    /// A value that a surface cannot show.
    #[error("the surface's {place} is {value:e}: expected {expected}")]
    SurfaceValue {
        /// Which value: `heights[3]`, say.
        place: String,
        /// The value found.
        value: f64,
        /// What it can be.
        expected: &'static str,
    },
    /// The texts around a surface leave too little room for it.
    #[error(
        "the surface has no room in a figure of {width} x {height} pixels: make the figure larger, or its texts shorter"
    )]
    NoRoomForSurface {
        /// Width of the figure, in pixels.
        width: u32,
        /// Height of the figure, in pixels.
        height: u32,
    },
    /// A matrix has not one row and one column for each label, or no label.
    #[error(
        "the matrix has {labels} labels, {rows} rows and {columns} columns: expected as many of each, at least 1"
    )]
    Matrix {
        /// How many labels.
        labels: usize,
        /// How many rows.
        rows: usize,
        /// How many columns; of rows that differ, one that has not as many as there are labels.
        columns: usize,
    },
    /// The texts around a matrix leave too little room for its cells.
    #[error(
        "a matrix of {labels} x {labels} has no room in a figure of {width} x {height} pixels: make the figure larger, or the labels shorter"
    )]
    NoRoomForMatrix {
        /// How many labels.
        labels: usize,
        /// Width of the figure, in pixels.
        width: u32,
        /// Height of the figure, in pixels.
        height: u32,
    },
    /// A diagram has no layer.
    #[error("the diagram has no layer: add at least one")]
    NoLayer,
    /// A layer of a diagram has no unit.
    #[error("layer {layer:?} has no unit: leave it out")]
    NoUnit {
        /// Name of the layer.
        layer: String,
    },
    /// The texts around a diagram leave too little room for its layers.
    #[error(
        "{layers} layers have no room in a figure of {width} x {height} pixels: make the figure larger, or its texts shorter"
    )]
    NoRoomForLayers {
        /// How many layers.
        layers: usize,
        /// Width of the figure, in pixels.
        width: u32,
        /// Height of the figure, in pixels.
        height: u32,
    },
    /// The rasteriser failed.
    #[error("cannot draw the figure: {reason}")]
    Draw {
        /// What the rasteriser said.
        reason: String,
    },
    /// The PNG encoder failed.
    #[error("cannot encode the figure as PNG")]
    Encode(#[from] image::ImageError),
    /// The encoder of animations failed.
    #[error("cannot encode the animation as PNG")]
    Animate(#[from] png::EncodingError),
}

impl Error {
    /// Whether there is too much to show, or too long a text, for the size of the figure.
    #[must_use]
    pub fn is_for_want_of_room(&self) -> bool {
        matches!(
            self,
            Self::NoRoom { .. }
                | Self::NoRoomForRows { .. }
                | Self::NoRoomForAxes { .. }
                | Self::NoRoomForImages { .. }
                | Self::NoRoomForSurface { .. }
                | Self::NoRoomForMatrix { .. }
                | Self::NoRoomForLayers { .. }
        )
    }
}
