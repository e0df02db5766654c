//! The interactive page of a search in a real browser.

use atelier_plot::PageTrialState::{self, Complete, Failed, Pruned};
use atelier_plot::{PageParameter, PageScale, PageTrial, TuningPage};
use serde_json::json;

use crate::chromium::Chromium;

/// Six trials: three completed, the best of them number 4, two pruned, one failed; number 1 is far off.
fn page() -> TuningPage {
    let trial = |number: usize, state: PageTrialState, value: Option<f64>, rate: f64, word: f64| {
        PageTrial {
            number,
            state,
            value,
            places: vec![Some(rate), Some(word)],
            reports: value.map(|v| vec![(1.0, 1.5 * v), (2.0, v)]).unwrap_or_default(),
            note: if value.is_none() { "diverged".into() } else { String::new() },
        }
    };
    TuningPage {
        title: "A search".into(),
        caption: "A caption.".into(),
        facts: vec![("best trial".into(), "4".into())],
        quantity: "error (%)".into(),
        step: "epoch".into(),
        parameters: vec![
            PageParameter::new("optimizer.rate", PageScale::Logarithmic),
            PageParameter::new("kind", PageScale::Words(vec!["sgd".into(), "adam".into()])),
        ],
        trials: vec![
            trial(0, Complete, Some(14.0), 0.01, 0.0),
            trial(1, Complete, Some(90.0), 0.5, 0.0),
            trial(2, Pruned, Some(18.0), 0.3, 1.0),
            trial(3, Failed, None, 9.0, 1.0),
            trial(4, Complete, Some(11.0), 0.05, 1.0),
            trial(5, Pruned, Some(16.0), 0.002, 0.0),
        ],
        importances: vec![("optimizer.rate".into(), 0.75), ("kind".into(), 0.25)],
        ..TuningPage::default()
    }
}

/// A browser that shows a page; nothing where there is none on this machine.
fn open(page: &TuningPage) -> Option<Chromium> {
    let mut browser = Chromium::start(1200)?;
    browser.open(&page.render().expect("a page that can be shown"));
    Some(browser)
}

const FIGURES: [&str; 6] = ["history", "curves", "parallel", "slice-0", "slice-1", "importance"];
/// Those with trials in them.
const OF_TRIALS: [&str; 5] = ["history", "curves", "parallel", "slice-0", "slice-1"];

/// What the figures look like.
fn pictures(browser: &mut Chromium) -> [String; 6] {
    browser.settle();
    FIGURES.map(|id| {
        browser.value(&format!("document.getElementById('{id}').toDataURL()")).to_string()
    })
}

/// The figures that differ.
fn changed(before: &[String; 6], after: &[String; 6]) -> Vec<&'static str> {
    (0..6).filter(|&i| before[i] != after[i]).map(|i| FIGURES[i]).collect()
}

#[test]
fn a_search_opens_without_complaint_and_asks_for_nothing() {
    let Some(mut browser) = open(&page()) else { return };
    assert_eq!(browser.text("title"), "A search");
    let summary = browser.text("summary");
    for text in
        ["6 trials: 3 completed, 2 pruned, 1 failed", "trial 4", "kind adam", "One trial above"]
    {
        assert!(summary.contains(text), "{summary:?} does not say {text:?}");
    }
    for id in FIGURES {
        let colours = browser.value(&format!(
            "(() => {{ const canvas = document.getElementById('{id}'); \
             const points = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; \
             return new Set(new Uint32Array(points.buffer)).size; }})()"
        ));
        assert!(colours.as_u64() > Some(10), "{id} shows {colours} colours");
    }
    browser.expect_calm();
}

#[test]
fn what_is_pointed_at_in_one_figure_is_marked_in_all() {
    let Some(mut browser) = open(&page()) else { return };
    let before = pictures(&mut browser);
    browser.value("document.getElementById('history').focus()");
    browser.press("Home");
    let read = browser.text("readout");
    for text in ["Trial 4, the best", "rank1 of 3", "optimizer.rate0.05", "kindadam"] {
        assert!(read.contains(text), "{read:?} does not say {text:?}");
    }
    assert_eq!(changed(&before, &pictures(&mut browser)), OF_TRIALS);
    browser.wait_for("document.getElementById('spoken').textContent.startsWith('Trial 4')");
    browser.press("Escape");
    assert_eq!(pictures(&mut browser), before, "nothing is marked any more");

    // The dot of the best trial, by the pointer: the lowest of the words' second column.
    browser.point_at("slice-1", 0.94, 0.78);
    assert!(browser.text("readout").contains("Trial 4"), "{}", browser.text("readout"));
    browser.point_at("title", 0.5, 0.5);
    assert_eq!(pictures(&mut browser), before);
    browser.expect_calm();
}

#[test]
fn the_keyboard_goes_from_trial_to_trial_and_from_better_to_worse() {
    let Some(mut browser) = open(&page()) else { return };
    let mut reached = Vec::new();
    for _ in 0..10 {
        browser.press("Tab");
        let id = browser.value("document.activeElement.id");
        reached.push(id.as_str().unwrap_or_default().to_owned());
    }
    let switches = ["theme", "show-complete", "show-pruned", "show-failed", "outliers"];
    let expected: Vec<&str> = switches.iter().chain(&OF_TRIALS).copied().collect();
    assert_eq!(reached, expected);

    browser.value("document.getElementById('curves').focus()");
    let mut seen = Vec::new();
    for key in ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight"] {
        browser.press(key);
        seen.push(browser.text("readout").split(['e', ',']).next().unwrap_or_default().to_owned());
    }
    // By value 4, 0, 5, then 0 again; by number there is none before it, and 2 follows.
    let expected = ["Trial 4", "Trial 0", "Trial 5", "Trial 0", "Trial 0", "Trial 2"];
    assert!(
        seen.iter().zip(expected).all(|(seen, expected)| seen.starts_with(expected)),
        "{seen:?}"
    );
    // Epochs are whole numbers.
    assert!(browser.text("readout").contains("pruned after 2o"), "{}", browser.text("readout"));
    browser.expect_calm();
}

#[test]
fn each_switch_changes_what_is_drawn_and_changes_it_back() {
    let Some(mut browser) = open(&page()) else { return };
    let before = pictures(&mut browser);
    for id in ["show-complete", "show-pruned", "outliers"] {
        browser.click(id);
        assert_eq!(changed(&before, &pictures(&mut browser)), OF_TRIALS, "after {id}");
        browser.click(id);
        assert_eq!(changed(&before, &pictures(&mut browser)), [""; 0], "after {id} again");
    }
    browser.expect_calm();
}

#[test]
fn the_table_has_every_trial_the_best_first() {
    let Some(mut browser) = open(&page()) else { return };
    browser.value("document.getElementById('table-section').open = true");
    browser.wait_for("document.querySelectorAll('#table tbody tr').length === 6");
    let first = "document.querySelector('#table tbody tr').textContent";
    assert_eq!(browser.value(first), json!("4complete11.000.05000adam"));
    assert!(browser.text("table").contains("diverged"));
    browser.expect_calm();
}

#[test]
fn the_page_is_dark_where_that_is_preferred_and_fits_a_narrow_screen() {
    let Some(mut browser) = Chromium::start(360) else { return };
    browser.prefer("prefers-color-scheme", "dark");
    browser.open(&page().render().expect("a page that can be shown"));
    let background = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.value(background), json!("rgb(20, 23, 26)"));
    browser.click("theme");
    assert_eq!(browser.value(background), json!("rgb(255, 255, 255)"));
    let width = browser.value("document.documentElement.scrollWidth").as_u64();
    assert!(width <= Some(360), "the page is {width:?} points wide");
    browser.expect_calm();
}

#[test]
fn markup_in_names_is_shown_and_a_single_trial_is_a_page_too() {
    let hostile = "</script><img src=x onerror=alert(1)><b>A</b>";
    let mut one = page();
    one.trials.truncate(1);
    one.importances.clear();
    one.title = hostile.into();
    one.parameters[0].name = hostile.into();
    let Some(mut browser) = open(&one) else { return };
    assert_eq!(browser.text("title"), hostile);
    assert_eq!(browser.value("document.querySelectorAll('img, main b').length"), json!(0));
    browser.expect_calm();
}
