//! Draws a surface in three dimensions.

use crate::camera::Camera;
use crate::color_bar::ColorBar;
use crate::error::Error;
use crate::iso_lines::levels;
use crate::landscape::Prepared;
use crate::path_drawing::{self, Path};
use crate::scene::{Rect, Scene, Shape};
use crate::surface_box::{self, Axes};
use crate::{surface_mesh, theme};

/// Height of the colour bar, as a share of the room that it has.
const BAR: f64 = 0.72;

/// A surface that is drawn but for the trajectories on it.
pub(crate) struct SurfaceDrawing<'a> {
    pub scene: Scene,
    pub camera: Camera,
    pub paths: Vec<Path<'a>>,
}

pub(crate) fn lay_out<'a>(prepared: &'a Prepared<'_>) -> Result<SurfaceDrawing<'a>, Error> {
    let landscape = prepared.landscape;
    let (mut scene, mut area) = landscape.frame()?;
    let camera = prepared.camera();
    // What is seen depends on the direction alone, so the paths come before the room for the box.
    let paths = prepared.paths(Some(&camera));
    let below = path_drawing::legend(&mut scene, area, &paths);
    if below > area.top {
        area.top = below + theme::GAP;
    }
    if area.height() < theme::MIN_PLOT {
        return Err(landscape.no_room());
    }
    let bar = ColorBar::new(&landscape.height, &prepared.ranges[2], (BAR * area.height()).round());
    let left = area.right - bar.width();
    let middle = f64::midpoint(area.top, area.bottom);
    bar.draw(&mut scene, (left.round(), (middle - BAR * area.height() / 2.0).round()));
    let room = Rect { right: left - 2.0 * theme::GAP, ..area };

    let [x, y] = &landscape.labels;
    let axes = Axes { labels: [x, y, &landscape.height.label], ranges: prepared.ranges };
    let (camera, drawn) =
        surface_box::fit(camera, &axes, room).ok_or_else(|| landscape.no_room())?;
    drawn.draw_back(&mut scene, &camera);
    scene.shapes.extend(surface_mesh::mesh(&prepared.field, &camera));
    let levels = levels(&prepared.ranges[2]);
    scene.shapes.extend(surface_mesh::lines(&prepared.field, &camera, &levels));
    drawn.draw_axes(&mut scene);
    Ok(SurfaceDrawing { scene, camera, paths })
}

/// The trajectories on the surface as far as they have come.
pub(crate) fn paths_at(paths: &[Path<'_>], camera: &Camera, progress: f64) -> Vec<Shape> {
    path_drawing::paths(paths, progress, |at| camera.project(at))
}
