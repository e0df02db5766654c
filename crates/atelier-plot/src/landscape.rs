use crate::axis::{Axis, Range, Scale};
use crate::camera::{Camera, View};
use crate::contour_map;
use crate::descent_animation;
use crate::error::Error;
use crate::frame::{self, Words};
use crate::height_field::HeightField;
use crate::path_drawing::Path;
use crate::path_tracing::Space;
use crate::scene::{Rect, Scene};
use crate::surface_drawing::{self, SurfaceDrawing};
use crate::surface_grid::SurfaceGrid;
use crate::trajectory::Trajectory;
use crate::{Figure, font};

const SIZE: (u32, u32) = (1600, 1200);
/// A landscape's caption has much to say.
const CAPTION_LINES: usize = 8;
/// With more samples a pixel, slanted edges are smoother; a larger figure would take too much
/// memory (this is 80 MB of samples).
const FINE: (u32, u32) = (3, 3_000_000);

/// A loss over a plane and the descents in it, to be drawn as a surface, as a map, or as an
/// animation.
#[derive(Clone, Debug)]
pub struct Landscape {
    title: String,
    subtitle: String,
    caption: String,
    grid: SurfaceGrid,
    pub(crate) labels: [String; 2],
    pub(crate) height: Axis,
    ceiling: Option<f64>,
    trajectories: Vec<Trajectory>,
    view: Option<View>,
    pub(crate) equal_scales: bool,
    pub(crate) size: (u32, u32),
}

/// What all pictures of a landscape share, once it was checked.
pub(crate) struct Prepared<'a> {
    pub landscape: &'a Landscape,
    pub field: HeightField,
    pub ranges: [Range; 3],
}

impl Landscape {
    /// A surface without descents, 1600 x 1200 pixels. `labels` name the axes of x and y, `height`
    /// that of the heights, whose colours it explains as well.
    #[must_use]
    pub fn new(
        title: impl Into<String>,
        grid: SurfaceGrid,
        labels: [impl Into<String>; 2],
        height: Axis,
    ) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            caption: String::new(),
            grid,
            labels: labels.map(Into::into),
            height,
            ceiling: None,
            trajectories: Vec::new(),
            view: None,
            equal_scales: false,
            size: SIZE,
        }
    }

    /// Sets the title; an empty one takes no room.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the line under the title: the run, its settings.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Sets the small text under the picture, at most eight lines: how to read it, and what it does
    /// not show. A ceiling belongs here.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Cuts the surface at this height: what is above is left open in the surface, and has the
    /// highest colour on the map.
    #[must_use]
    pub fn ceiling(mut self, ceiling: f64) -> Self {
        self.ceiling = Some(ceiling);
        self
    }

    /// Adds a descent; later ones are drawn over earlier ones.
    #[must_use]
    pub fn trajectory(mut self, trajectory: Trajectory) -> Self {
        self.trajectories.push(trajectory);
        self
    }

    /// Looks at the surface from `azimuth` degrees (against the clock seen from above, from the
    /// direction of x) and `elevation` degrees above the plane, between 5 and 85. Without, the view
    /// is the one that hides least of the trajectories.
    #[must_use]
    pub fn view(mut self, azimuth: f64, elevation: f64) -> Self {
        self.view = Some(View { azimuth, elevation });
        self
    }

    /// Draws equal distances along both axes of the map as equal lengths. The surface always
    /// stands on a square.
    #[must_use]
    pub fn equal_scales(mut self) -> Self {
        self.equal_scales = true;
        self
    }

    /// Sets the size in pixels, 400 to 4000 in each direction. Text and lines keep theirs.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the surface in three dimensions with the trajectories on it: solid where they can be
    /// seen, dashed where the surface is in front of them. A thin stem leads from each point to its
    /// own loss. The same landscape gives the same bytes.
    ///
    /// # Errors
    /// Where the grid has fewer than two coordinates along an axis, not a height for each pair, no
    /// finite height, or coordinates that do not increase; where a height or a loss cannot stand on
    /// its axis (not above 0 on a logarithmic one, or beyond 1e300); where a trajectory has no
    /// point, or one without a place; where the ceiling is not above the lowest height, or the
    /// elevation out of bounds; and where the size is, or leaves no room.
    pub fn surface(&self) -> Result<Figure, Error> {
        let prepared = self.prepared()?;
        let SurfaceDrawing { mut scene, camera, paths } = surface_drawing::lay_out(&prepared)?;
        scene.shapes.extend(surface_drawing::paths_at(&paths, &camera, 1.0));
        scene.render()
    }

    /// Draws the landscape from above: colours, lines of equal height, the trajectories.
    ///
    /// # Errors
    /// As [`surface`](Self::surface).
    pub fn contour_map(&self) -> Result<Figure, Error> {
        contour_map::scene(&self.prepared()?)?.render()
    }

    /// Draws the descent as an animated PNG of half the figure's size: `frames` pictures of the
    /// surface, at least two and at most 500, on which all trajectories grow from their first to
    /// their last point; the last picture stays for three seconds, then it begins again.
    ///
    /// # Errors
    /// As [`surface`](Self::surface).
    pub fn animation(&self, frames: u32) -> Result<Vec<u8>, Error> {
        descent_animation::encode(&self.prepared()?, frames.clamp(2, 500))
    }

    /// A scene with the texts around the picture, and the area that is left.
    pub(crate) fn frame(&self) -> Result<(Scene, Rect), Error> {
        let mut scene = Scene::new(self.size)?;
        let (samples, pixels) = FINE;
        if self.size.0 * self.size.1 <= pixels {
            scene.samples = samples;
        }
        let words = Words {
            title: &self.title,
            subtitle: &self.subtitle,
            caption: &self.caption,
            caption_lines: CAPTION_LINES,
        };
        let area = frame::draw(&mut scene, words);
        Ok((scene, area))
    }

    pub(crate) fn no_room(&self) -> Error {
        Error::NoRoomForSurface { width: self.size.0, height: self.size.1 }
    }

    fn prepared(&self) -> Result<Prepared<'_>, Error> {
        font::check()?;
        self.grid.check(&self.height)?;
        self.trajectories.iter().try_for_each(|t| t.check(&self.height))?;
        if let Some(View { azimuth, elevation }) = self.view {
            // Also where it is NaN.
            if !(5.0..=85.0).contains(&elevation) {
                let (place, expected) = ("elevation".to_owned(), "5 to 85 degrees");
                return Err(Error::SurfaceValue { place, value: elevation, expected });
            }
            if !azimuth.is_finite() {
                let (place, expected) = ("azimuth".to_owned(), "a finite angle");
                return Err(Error::SurfaceValue { place, value: azimuth, expected });
            }
        }
        let along = |coordinates: &[f64]| Range {
            scale: Scale::Linear,
            low: coordinates[0],
            high: coordinates[coordinates.len() - 1],
            whole: false,
        };
        let (x, y) = (along(&self.grid.xs), along(&self.grid.ys));
        let points = self.trajectories.iter().flat_map(|trajectory| &trajectory.points);
        let inside = |p: &f64, range: &Range| (0.0..=1.0).contains(&range.fraction(*p));
        let losses = points
            .filter(|p| inside(&p.x, &x) && inside(&p.y, &y))
            .flat_map(|p| [p.loss_in_plane, p.loss]);
        let height = self.grid.range(&self.height, self.ceiling, losses)?;
        let field = HeightField::new(&self.grid, &height);
        Ok(Prepared { landscape: self, field, ranges: [x, y, height] })
    }
}

impl Prepared<'_> {
    /// The camera from where the landscape is looked at, not yet fitted to a picture.
    pub(crate) fn camera(&self) -> Camera {
        let view = self.landscape.view.unwrap_or_else(|| {
            // An end counts as much as half of the points before it.
            let weighted = |t: &'_ Trajectory| {
                let end = t.points.last().copied();
                let ends = std::iter::repeat_n(end, t.points.len() / 2).flatten();
                t.points.iter().copied().chain(ends).collect::<Vec<_>>()
            };
            let points = self.landscape.trajectories.iter().flat_map(weighted);
            let at = points.map(|p| (self.ranges[0].fraction(p.x), self.ranges[1].fraction(p.y)));
            View::hiding_least(&self.field, &at.collect::<Vec<_>>())
        });
        Camera::new(view)
    }

    /// The trajectories as they are seen, or from above.
    pub(crate) fn paths(&self, camera: Option<&Camera>) -> Vec<Path<'_>> {
        let [x, y, height] = self.ranges;
        let space = Space { field: &self.field, x, y, height };
        (self.landscape.trajectories.iter().enumerate())
            .map(|(i, trajectory)| Path {
                name: &trajectory.name,
                color: trajectory.rgb(i),
                traced: space.trace(trajectory, camera),
            })
            .collect()
    }
}
