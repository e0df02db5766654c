use crate::Figure;
use crate::error::Error;
use crate::frame::{self, Words};
use crate::panel::Panel;
use crate::panel_layout::{Insets, PanelLayout};
use crate::scene::{Rect, Scene};
use crate::{font, panel_drawing, theme};

/// One or more panels of lines and points under a common title.
///
/// Panels stand side by side, or on top of each other after [`stacked`](Self::stacked).
#[derive(Clone, Debug)]
pub struct LineChart {
    title: String,
    subtitle: String,
    caption: String,
    panels: Vec<Panel>,
    stacked: bool,
    size: (u32, u32),
}

impl LineChart {
    /// A chart without panels, 1600 x 1000 pixels. An empty title takes no room.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            caption: String::new(),
            panels: Vec::new(),
            stacked: false,
            size: theme::DEFAULT_SIZE,
        }
    }

    /// Sets the line under the title: the run, its settings.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Sets the small text under the panels: how to read the figure, and what it does not show.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds a panel.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Puts the panels on top of each other instead of side by side.
    #[must_use]
    pub fn stacked(mut self) -> Self {
        self.stacked = true;
        self
    }

    /// Sets the size in pixels, 400 to 4000 in each direction. Text and lines keep theirs.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the chart. The same chart gives the same bytes.
    ///
    /// # Errors
    /// Where there is nothing to draw (no panel, no series, a series without a finite point),
    /// where a series has more x than y values or the reverse, where a value cannot stand on its
    /// axis (not above 0 on a logarithmic one, or beyond 1e300), and where the size is out of
    /// bounds or leaves no room for the data.
    pub fn render(&self) -> Result<Figure, Error> {
        font::check()?;
        let mut scene = Scene::new(self.size)?;
        if self.panels.is_empty() {
            return Err(Error::NoPanel);
        }
        let words = Words {
            title: &self.title,
            subtitle: &self.subtitle,
            caption: &self.caption,
            caption_lines: 4,
        };
        let area = frame::draw(&mut scene, words);
        for layout in self.layouts(area)? {
            panel_drawing::draw(&mut scene, &layout);
        }
        scene.render()
    }

    /// Divides `area` among the panels and lines up their axes.
    fn layouts(&self, area: Rect) -> Result<Vec<PanelLayout<'_>>, Error> {
        let n = self.panels.len() as f64;
        let gaps = (n - 1.0) * theme::PANEL_GAP;
        let (width, height) = if self.stacked {
            (area.width(), (area.height() - gaps) / n)
        } else {
            ((area.width() - gaps) / n, area.height())
        };
        let bounds = |i: usize| {
            let (left, top) = if self.stacked {
                (area.left, area.top + i as f64 * (height + theme::PANEL_GAP))
            } else {
                (area.left + i as f64 * (width + theme::PANEL_GAP), area.top)
            };
            Rect { left, top, right: left + width, bottom: top + height }
        };
        let extents: Vec<_> = (self.panels.iter().enumerate())
            .map(|(i, panel)| panel.extents(i + 1))
            .collect::<Result<_, _>>()?;
        let lay_out = |least: Insets| {
            let layout = |(i, panel)| {
                PanelLayout::new(panel, extents[i], bounds(i), least).ok_or(Error::NoRoom {
                    panel: i + 1,
                    width: self.size.0,
                    height: self.size.1,
                })
            };
            self.panels.iter().enumerate().map(layout).collect::<Result<Vec<_>, _>>()
        };
        // Once for the room that each panel needs, once more with that of the neediest.
        let alone = lay_out(Insets::NONE)?;
        lay_out(Insets::in_common(&alone, self.stacked))
    }
}
