//! Interactive pages in a real browser.

use atelier_plot::{LandscapePage, NullPoint, PageAxis, PagePoint, PageRun};
use serde_json::json;

use crate::chromium::Chromium;

/// A bowl on 9 x 9 points, two runs of five snapshots into it, a random walk.
fn page() -> LandscapePage {
    let along: Vec<f64> = (-4..=4).map(f64::from).collect();
    let bowl = |x: f64, y: f64| 0.3 + x * x + 0.5 * y * y;
    let point = |from: f64, k: u32| {
        let x = from * 0.5_f64.powi(k.cast_signed());
        PagePoint {
            step: u64::from(1000 * k),
            epoch: f64::from(k),
            x,
            y: 1.0,
            loss: bowl(x, 1.0) - 0.2,
            loss_in_plane: bowl(x, 1.0),
            minibatch_loss: (k > 0).then_some(1.5),
            distance_off_plane: f64::from(k),
        }
    };
    let run = |name: &str, seed: &str, from| PageRun {
        name: name.into(),
        seed: seed.into(),
        points: (0..5).map(|k| point(from, k)).collect(),
    };
    LandscapePage {
        title: "A bowl".into(),
        caption: "A caption.".into(),
        facts: vec![("split".into(), "training".into())],
        axes: [
            PageAxis::new("first").variance_share(0.6),
            PageAxis::new("second").variance_share(0.2),
        ],
        loss: along.iter().flat_map(|&y| along.iter().map(move |&x| bowl(x, y))).collect(),
        standard_error: vec![0.125; 81],
        accuracy: Some(vec![0.75; 81]),
        runs: vec![run("A", "seed 0", -3.5), run("B", "seed 1", 3.5)],
        null: vec![vec![NullPoint { x: -3.0, y: -3.0 }, NullPoint { x: 3.0, y: -2.0 }]],
        scree: vec![0.6, 0.2, 0.1],
        x: along.clone(),
        y: along,
        ..LandscapePage::default()
    }
}

/// A browser that shows a page; nothing where there is none on this machine.
fn open(page: &LandscapePage) -> Option<Chromium> {
    let mut browser = Chromium::start(1200)?;
    browser.open(&page.render().expect("a page that can be shown"));
    Some(browser)
}

const FIGURES: [&str; 6] = ["surface", "contour", "loss", "distance", "scree", "walks"];

/// What the figures look like; nothing of one that is hidden.
fn pictures(browser: &mut Chromium) -> [String; 6] {
    browser.settle();
    FIGURES.map(|id| {
        let figure = format!("document.getElementById('{id}')");
        browser.value(&format!("{figure}.clientWidth && {figure}.toDataURL()")).to_string()
    })
}

/// The figures that differ.
fn changed(before: &[String; 6], after: &[String; 6]) -> Vec<&'static str> {
    (0..6).filter(|&i| before[i] != after[i]).map(|i| FIGURES[i]).collect()
}

#[test]
fn the_browser_hears_complaints_and_sees_requests() {
    let Some(mut browser) = Chromium::start(1200) else { return };
    browser.open("<!DOCTYPE html><title>bad</title><img src='other.png'><script>console.log(1); nothing()</script>");
    assert!(browser.complaints.len() >= 2, "{:#?}", browser.complaints);
    assert!(browser.addresses[1].ends_with("other.png"));
}

#[test]
fn a_landscape_opens_without_complaint_and_asks_for_nothing() {
    let Some(mut browser) = open(&page()) else { return };
    assert_eq!(browser.text("title"), "A bowl");
    assert_eq!(browser.text("caption"), "A caption.");
    assert!(browser.text("summary").contains("9 × 9"));
    assert!(browser.value("document.title") == json!("A bowl"));
    for id in FIGURES {
        let colours = browser.value(&format!(
            "(() => {{ const canvas = document.getElementById('{id}'); \
             const points = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; \
             return new Set(new Uint32Array(points.buffer)).size; }})()"
        ));
        assert!(colours.as_u64() > Some(20), "{id} shows {colours} colours");
    }
    browser.expect_calm();
}

#[test]
fn what_is_pointed_at_in_one_figure_is_marked_in_all() {
    let Some(mut browser) = open(&page()) else { return };
    let before = pictures(&mut browser);
    // Steps 0 to 4,000, from margin to margin: three quarters are step 3,000.
    browser.point_at("loss", 0.76, 0.6);
    let read = browser.text("readout");
    for expected in [
        "snapshot 4 of 5",
        "step3,000",
        "epoch3.00",
        "in the plane",
        "minibatch1.500",
        "off the plane3.00",
    ] {
        assert!(read.contains(expected), "{read:?} does not say {expected:?}");
    }
    let marked = pictures(&mut browser);
    assert_eq!(changed(&before, &marked), ["surface", "contour", "loss", "distance"]);

    browser.point_at("contour", 0.8, 0.7);
    let read = browser.text("readout");
    assert!(read.contains("± 0.13") && read.contains("accuracy75.0 %"), "{read:?}");
    assert!(changed(&marked, &pictures(&mut browser)).contains(&"surface"));

    browser.point_at("surface", 0.45, 0.5);
    let read = browser.text("readout");
    assert!(read.contains("Grid point") || read.contains("snapshot"), "{read:?}");

    browser.point_at("scree", 0.3, 0.5);
    assert!(browser.text("readout").contains("Component 1share of variance60.0 %"));

    browser.point_at("title", 0.5, 0.5);
    assert_eq!(pictures(&mut browser), before, "nothing is marked any more");
    browser.expect_calm();
}

#[test]
fn each_switch_changes_what_is_drawn_and_changes_it_back() {
    let Some(mut browser) = open(&page()) else { return };
    let switches: [(&str, &[&str]); 6] = [
        ("run-0", &["surface", "contour", "loss", "distance"]),
        ("run-1", &["surface", "contour", "loss", "distance"]),
        ("trajectories", &["surface", "contour"]),
        ("stems", &["surface"]),
        ("walks-shown", &["walks"]),
        ("log", &["surface", "contour", "loss"]),
    ];
    let before = pictures(&mut browser);
    for (id, figures) in switches {
        browser.click(id);
        assert_eq!(changed(&before, &pictures(&mut browser)), figures, "after {id}");
        browser.click(id);
        assert_eq!(changed(&before, &pictures(&mut browser)), [""; 0], "after {id} again");
    }
    browser.expect_calm();
}

#[test]
fn the_points_descend_when_played_and_stand_still_when_paused() {
    let Some(mut browser) = open(&page()) else { return };
    let whole = pictures(&mut browser);
    assert!(browser.text("moment").starts_with("step 4,000"));
    browser.click("play");
    browser.wait_for("Number(document.getElementById('time').value) === 2");
    browser.click("play");
    assert_eq!(browser.text("play"), "Play");
    let part = pictures(&mut browser);
    assert_eq!(changed(&whole, &part), ["surface", "contour", "loss", "distance"]);
    assert_eq!(pictures(&mut browser), part, "it stands still");
    browser.click("play");
    browser.wait_for("document.getElementById('play').textContent === 'Play'");
    assert!(browser.text("moment").starts_with("step 4,000"));
    browser.point_at("title", 0.5, 0.5);
    assert_eq!(changed(&whole, &pictures(&mut browser)), [""; 0]);
    browser.expect_calm();
}

#[test]
fn a_page_plays_from_snapshot_to_snapshot_where_motion_is_not_wanted() {
    let Some(mut browser) = Chromium::start(1200) else { return };
    browser.prefer("prefers-reduced-motion", "reduce");
    browser.open(&page().render().expect("a page that can be shown"));
    // Notes every picture of the map until the second snapshot, and how many differ.
    let seen = browser.value(
        "new Promise((done) => { \
           document.getElementById('play').click(); \
           const seen = new Set(); \
           const look = () => { \
             if (Number(document.getElementById('time').value) > 1) { done(seen.size); return; } \
             seen.add(document.getElementById('contour').toDataURL()); \
             requestAnimationFrame(look); \
           }; \
           requestAnimationFrame(() => requestAnimationFrame(look)); \
         })",
    );
    assert!(seen.as_u64() <= Some(3), "{seen} pictures for two snapshots and what follows");
    browser.expect_calm();
}

#[test]
fn the_keyboard_reaches_and_works_everything() {
    let Some(mut browser) = open(&page()) else { return };
    let mut reached = Vec::new();
    for _ in 0..14 {
        browser.press("Tab");
        reached.push(
            browser.value("document.activeElement.id").as_str().unwrap_or_default().to_owned(),
        );
    }
    let expected = [
        "theme",
        "play",
        "time",
        "run-0",
        "run-1",
        "trajectories",
        "stems",
        "walks-shown",
        "log",
        "surface",
        "contour",
        "loss",
        "distance",
        "scree",
    ];
    assert_eq!(reached, expected);
    assert!(
        browser.value("getComputedStyle(document.querySelector(':focus-visible')).outlineStyle")
            != json!("none")
    );

    let before = pictures(&mut browser);
    browser.value("document.getElementById('surface').focus()");
    browser.press("ArrowLeft");
    assert_eq!(changed(&before, &pictures(&mut browser)), ["surface"]);
    browser.press("0");
    assert_eq!(changed(&before, &pictures(&mut browser)), [""; 0]);

    browser.value("document.getElementById('contour').focus()");
    browser.press("ArrowRight");
    assert!(browser.text("readout").contains("x1.000y0"), "{}", browser.text("readout"));
    browser.press("n");
    assert!(browser.text("readout").contains("A, snapshot 1 of 5"));
    browser.wait_for(
        "document.getElementById('spoken').textContent.startsWith('A, snapshot 1 of 5: step 0')",
    );

    browser.value("document.getElementById('loss').focus()");
    browser.press("ArrowRight");
    browser.press("ArrowDown");
    assert!(browser.text("readout").contains("B, snapshot 2 of 5"));
    browser.press("Escape");
    assert!(browser.text("readout").starts_with("Point at"));
    browser.press(" ");
    assert_eq!(browser.text("play"), "Pause");
    browser.expect_calm();
}

#[test]
fn dragging_turns_the_surface_and_the_wheel_enlarges_it_once_it_was_chosen() {
    let Some(mut browser) = open(&page()) else { return };
    let before = pictures(&mut browser);
    browser.point_at("surface", 0.02, 0.02);
    browser.wheel("surface");
    browser.point_at("title", 0.5, 0.5);
    assert_eq!(changed(&before, &pictures(&mut browser)), [""; 0]);
    browser.drag("surface", (0.5, 0.5), (0.3, 0.6));
    browser.point_at("title", 0.5, 0.5);
    let turned = pictures(&mut browser);
    assert_eq!(changed(&before, &turned), ["surface"]);
    browser.wheel("surface");
    browser.point_at("title", 0.5, 0.5);
    assert_eq!(changed(&turned, &pictures(&mut browser)), ["surface"]);
    browser.expect_calm();
}

#[test]
fn the_slider_shows_the_runs_as_far_as_they_had_come() {
    let Some(mut browser) = open(&page()) else { return };
    let before = pictures(&mut browser);
    browser.value("document.getElementById('time').focus()");
    browser.press("Home");
    assert!(browser.text("moment").starts_with("step 0"), "{}", browser.text("moment"));
    browser.press("ArrowRight");
    assert!(browser.text("moment").starts_with("step 1,000"), "{}", browser.text("moment"));
    assert_eq!(
        changed(&before, &pictures(&mut browser)),
        ["surface", "contour", "loss", "distance"]
    );
    browser.point_at("loss", 0.9, 0.5);
    assert!(browser.text("readout").contains("snapshot 2 of 5"), "later ones cannot be pointed at");
    browser.expect_calm();
}

#[test]
fn heights_are_logarithmic_at_first_where_the_page_says_so() {
    // Of losses from 0.3 to 24.3 the page itself would take logarithms; below zero there are none.
    let cases = [(None, 0.0, true), (Some(false), 0.0, false), (Some(true), -1.0, false)];
    for (logarithmic, shift, expected) in cases {
        let mut page = LandscapePage { logarithmic, ..page() };
        page.loss.iter_mut().for_each(|loss| *loss += shift);
        let Some(mut browser) = open(&page) else { return };
        let checked = browser.value("document.getElementById('log').checked");
        assert_eq!(checked, json!(expected), "{logarithmic:?} with losses shifted by {shift}");
        browser.expect_calm();
    }
    let mut flat = LandscapePage { logarithmic: Some(true), ..page() };
    flat.loss.iter_mut().for_each(|loss| *loss += 100.0);
    for run in &mut flat.runs {
        run.points.iter_mut().for_each(|point| point.loss += 100.0);
        run.points.iter_mut().for_each(|point| point.loss_in_plane += 100.0);
    }
    let Some(mut browser) = open(&flat) else { return };
    assert_eq!(browser.value("document.getElementById('log').checked"), json!(true));
    browser.expect_calm();
}

#[test]
fn random_walks_have_a_figure_of_their_own_and_are_drawn_nowhere_else() {
    let mut other = page();
    other.null[0][1] = NullPoint { x: 1.0, y: 3.0 };
    let (Some(mut browser), Some(mut another)) = (open(&page()), open(&other)) else { return };
    assert!(browser.text("walks-figure").contains("their own principal directions"));
    assert_eq!(changed(&pictures(&mut browser), &pictures(&mut another)), ["walks"]);
    browser.expect_calm();
    another.expect_calm();

    let without = LandscapePage { null: Vec::new(), ..page() };
    let Some(mut browser) = open(&without) else { return };
    assert_eq!(browser.value("document.getElementById('walks-figure').hidden"), json!(true));
    assert_eq!(browser.value("document.getElementById('walks-shown')"), json!(null));
    browser.expect_calm();
}

#[test]
fn losses_that_are_no_numbers_and_points_off_the_grid_leave_the_rest_whole() {
    let mut holed = page();
    holed.loss[..12].fill(f64::NAN);
    holed.loss[80] = f64::INFINITY;
    holed.runs[0].points[1].loss = f64::NAN;
    holed.runs[0].points[2].loss_in_plane = f64::INFINITY;
    holed.runs[1].points[0].x = 40.0;
    let Some(mut browser) = open(&holed) else { return };
    for id in ["stems", "log"] {
        browser.click(id);
    }
    browser.point_at("loss", 0.32, 0.5);
    browser.point_at("contour", 0.2, 0.8);
    assert!(browser.text("readout").contains("loss—"), "{}", browser.text("readout"));
    browser.point_at("surface", 0.5, 0.5);
    assert!(browser.text("summary").contains("between"));
    browser.expect_calm();
}

#[test]
fn the_page_is_dark_where_that_is_preferred_and_its_button_has_the_last_word() {
    let Some(mut browser) = Chromium::start(1200) else { return };
    browser.prefer("prefers-color-scheme", "dark");
    browser.open(&page().render().expect("a page that can be shown"));
    let background = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.value(background), json!("rgb(20, 23, 26)"));
    browser.click("theme");
    assert_eq!(browser.value(background), json!("rgb(255, 255, 255)"));
    browser.expect_calm();
}

#[test]
fn a_narrow_screen_needs_no_scrolling_sideways() {
    let Some(mut browser) = Chromium::start(360) else { return };
    browser.open(&page().render().expect("a page that can be shown"));
    let width = browser.value("document.documentElement.scrollWidth").as_u64();
    assert!(width <= Some(360), "the page is {width:?} points wide");
    browser.expect_calm();
}

#[test]
fn markup_in_names_is_shown_and_not_followed() {
    let hostile = "</script><img src=x onerror=alert(1)><b>A</b>";
    let mut hostile_page = page();
    hostile_page.title = hostile.into();
    hostile_page.runs[0].name = hostile.into();
    hostile_page.facts[0].1 = hostile.into();
    let Some(mut browser) = open(&hostile_page) else { return };
    assert_eq!(browser.text("title"), hostile);
    assert_eq!(browser.value("document.title"), json!(hostile));
    assert!(browser.text("switches").contains(hostile));
    browser.value("document.getElementById('table-section').open = true");
    browser.wait_for("document.querySelectorAll('#table tbody tr').length === 10");
    assert_eq!(browser.value("document.querySelectorAll('img, main b').length"), json!(0));
    browser.expect_calm();
}

#[test]
fn a_plane_without_runs_opens_too() {
    let alone = LandscapePage { runs: Vec::new(), null: Vec::new(), scree: Vec::new(), ..page() };
    let Some(mut browser) = open(&alone) else { return };
    browser.point_at("contour", 0.5, 0.5);
    assert!(browser.text("readout").contains("loss"));
    browser.expect_calm();
}
