use super::*;

/// A grid of 3 x 2 points, one run of two snapshots, one random walk.
fn page() -> LandscapePage {
    let point = |step, x| PagePoint {
        step,
        epoch: 0.5,
        x,
        y: 0.25,
        loss: 0.5,
        loss_in_plane: 0.75,
        minibatch_loss: Some(0.625),
        distance_off_plane: 1.5,
    };
    LandscapePage {
        title: "A plane".into(),
        facts: vec![("split".into(), "training".into())],
        axes: [PageAxis::new("first").variance_share(0.5), PageAxis::new("second")],
        x: vec![-1.0, 0.0, 1.0],
        y: vec![0.0, 1.0],
        loss: vec![3.0, 2.0, 3.0, 2.0, f64::NAN, 2.0],
        standard_error: vec![0.1; 6],
        accuracy: Some(vec![0.5; 6]),
        runs: vec![PageRun {
            name: "A".into(),
            seed: "seed 0".into(),
            points: vec![point(0, -1.0), point(8, 0.5)],
        }],
        null: vec![vec![NullPoint { x: 0.0, y: 0.5 }]],
        scree: vec![0.5, 0.25],
        ..LandscapePage::default()
    }
}

/// The JSON between the tags of the element with the data.
fn data(document: &str) -> &str {
    let (_, rest) = document.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    rest.split_once("</script>").unwrap().0
}

#[test]
fn the_data_can_be_read_back_from_the_document() {
    let document = page().render().unwrap();
    let read: serde_json::Value = serde_json::from_str(data(&document)).unwrap();
    assert_eq!(read["x"].to_string(), "[-1,0,1]");
    assert_eq!(read["loss"].to_string(), "[3,2,3,2,null,2]");
    assert_eq!(read["runs"][0]["step"].to_string(), "[0,8]");
    assert_eq!(read["runs"][0]["minibatch"].to_string(), "[0.625,0.625]");
    assert_eq!(read["axes"][0]["share"], 0.5);
    assert!(read["axes"][1]["share"].is_null());
    assert_eq!(read["null"].to_string(), r#"[{"x":[0],"y":[0.5]}]"#);
    assert!(read["logarithmic"].is_null());
}

#[test]
fn text_that_looks_like_markup_stays_text() {
    let hostile = "</script><script>alert(1)</script><!-- & {{script}}";
    let mut hostile_page = page();
    hostile_page.title = hostile.into();
    hostile_page.caption = hostile.into();
    hostile_page.facts[0].0 = hostile.into();
    hostile_page.runs[0].name = hostile.into();
    let document = hostile_page.render().unwrap();
    let count = |text: &str, what| text.matches(what).count();
    let harmless = page().render().unwrap();
    assert_eq!(count(&document, "<script"), count(&harmless, "<script"));
    assert_eq!(count(&document, "</script>"), count(&harmless, "</script>"));
    assert_eq!(count(&document, "<!--"), 0);
    assert!(!document.contains("alert(1)</"));
    let read: serde_json::Value = serde_json::from_str(data(&document)).unwrap();
    assert_eq!(read["runs"][0]["name"], hostile);
    assert_eq!(read["facts"][0][0], hostile);
}

#[test]
fn no_text_turns_the_page() {
    let mut turned = page();
    turned.title = "a \u{202e}title".into();
    turned.runs[0].name = "run-\u{2067}gnp".into();
    let document = turned.render().unwrap();
    assert!(!document.contains(crate::text::turns));
    let read: serde_json::Value = serde_json::from_str(data(&document)).unwrap();
    assert_eq!(read["runs"][0]["name"], "run-\u{FFFD}gnp");
}

#[test]
fn the_same_page_gives_the_same_text() {
    assert_eq!(page().render().unwrap(), page().render().unwrap());
}

#[test]
fn nothing_is_taken_from_anywhere_else() {
    let document = page().render().unwrap();
    let namespace = "http://www.w3.org/2000/svg"; // a name, which nobody fetches
    let document = document.replace(namespace, "");
    for word in [
        "http:",
        "https:",
        "src=",
        "href=",
        "@import",
        "url(",
        "fetch(",
        "import(",
        "XMLHttpRequest",
    ] {
        assert!(!document.contains(word), "{word}");
    }
}

#[test]
fn colours_of_runs_are_those_of_series_with_the_first_two_as_on_surfaces() {
    let document = page().render().unwrap();
    for (i, series) in [1, 0, 2, 3, 4, 5, 6].into_iter().enumerate() {
        let crate::color::Rgb(r, g, b) = crate::color::Color::of_series(series).rgb();
        let rule = format!("--run-{i}: #{r:02x}{g:02x}{b:02x};");
        assert!(document.contains(&rule), "{rule}");
    }
}

#[test]
fn a_plane_without_runs_is_a_page_too() {
    let alone = LandscapePage { runs: Vec::new(), null: Vec::new(), scree: Vec::new(), ..page() };
    assert!(alone.render().is_ok());
}

#[test]
fn what_cannot_be_shown_is_refused_with_its_place() {
    type Change = fn(&mut LandscapePage);
    let changes: [(Change, &str); 13] = [
        (|page| page.x.truncate(1), "1 coordinates along x: expected at least 2"),
        (|page| page.y.clear(), "0 coordinates along y"),
        (|page| page.x[1] = -1.0, "x[1] is -1e0: expected finite numbers, each greater"),
        (|page| page.y[1] = f64::NAN, "y[1] is NaN"),
        (|page| page.loss.push(1.0), "loss has 7 values: expected 6"),
        (|page| page.standard_error.clear(), "standard_error has 0 values: expected 6"),
        (|page| page.accuracy = Some(vec![1.0]), "accuracy has 1 values: expected 6"),
        (|page| page.loss.fill(f64::INFINITY), "none of the 6 losses"),
        (|page| page.axes[1].variance_share = Some(1.5), "variance_share of axis 2 is 1.5e0"),
        (|page| page.scree[1] = f64::NAN, "scree[1] is NaN: expected a share"),
        (|page| page.runs[0].points.clear(), "run \"A\" of the page has no point"),
        (
            |page| page.runs[0].points[1].step = 0,
            "step of point 1 of run \"A\" is 0e0: expected more",
        ),
        (
            |page| page.null[0][0].y = f64::NAN,
            "point 0 of null[0] is NaN: expected a finite coordinate",
        ),
    ];
    for (change, expected) in changes {
        let mut wrong = page();
        change(&mut wrong);
        let message = wrong.render().unwrap_err().to_string();
        assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
    }
}
