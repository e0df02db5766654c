use super::*;

fn page() -> TuningPage {
    let trial = |number: usize, rate: f64, word: Option<f64>, value: Option<f64>| PageTrial {
        number,
        state: if value.is_some() { PageTrialState::Complete } else { PageTrialState::Failed },
        value,
        places: vec![Some(rate), word],
        reports: value.map(|value| vec![(1.0, 2.0 * value), (2.0, value)]).unwrap_or_default(),
        note: String::new(),
    };
    TuningPage {
        title: "A search".into(),
        quantity: "error (%)".into(),
        parameters: vec![
            PageParameter::new("rate", PageScale::Logarithmic),
            PageParameter::new("kind", PageScale::Words(vec!["sgd".into(), "adam".into()])),
        ],
        trials: vec![
            trial(0, 0.1, Some(0.0), Some(12.5)),
            trial(1, 0.5, None, Some(14.0)),
            trial(2, 9.0, Some(1.0), None),
        ],
        importances: vec![("rate".into(), 0.75), ("kind".into(), 0.25)],
        ..TuningPage::default()
    }
}

/// The JSON between the tags of the element with the data.
fn data(document: &str) -> Value {
    let (_, rest) = document.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_data_can_be_read_back_from_the_document() {
    let read = data(&page().render().unwrap());
    assert_eq!(read["trials"][0]["places"].to_string(), "[0.1,0]");
    assert_eq!(read["trials"][0]["values"].to_string(), "[25,12.5]");
    assert!(read["trials"][1]["places"][1].is_null() && read["trials"][2]["value"].is_null());
    assert_eq!(read["trials"][2]["state"], "failed");
    assert_eq!(read["parameters"][1]["words"].to_string(), r#"["sgd","adam"]"#);
    assert_eq!(page().render().unwrap(), page().render().unwrap());
}

#[test]
fn text_that_looks_like_markup_stays_text() {
    let hostile = "</script><script>alert(1)</script><!-- & {{script}}";
    let mut changed = page();
    changed.title = hostile.into();
    changed.parameters[0].name = hostile.into();
    changed.trials[0].note = hostile.into();
    let (document, harmless) = (changed.render().unwrap(), page().render().unwrap());
    for what in ["<script", "</script>"] {
        assert_eq!(document.matches(what).count(), harmless.matches(what).count());
    }
    assert!(!document.contains("alert(1)</"));
    assert_eq!(data(&document)["parameters"][0]["name"], hostile);
}

#[test]
fn nothing_is_taken_from_anywhere_else() {
    let document = page().render().unwrap();
    for word in ["http:", "https:", "src=", "href=", "@import", "url(", "fetch(", "import("] {
        assert!(!document.contains(word), "{word}");
    }
}

#[test]
fn what_cannot_be_shown_is_refused_with_its_place() {
    type Change = fn(&mut TuningPage);
    let changes: [(Change, &str); 7] = [
        (|page| page.trials.clear(), "none of the page's 0 trials"),
        (|page| page.trials[1].places.truncate(1), "trial 1 of the page has 1 places: expected 2"),
        (|page| page.trials[0].value = Some(0.0), "value of trial 0 is 0e0"),
        (|page| page.trials[0].reports[1].1 = f64::NAN, "report at 2 of trial 0 is NaN"),
        (|page| page.trials[0].places[0] = Some(-1.0), "rate of trial 0 is -1e0"),
        (|page| page.trials[0].places[1] = Some(2.0), "kind of trial 0 is 2e0"),
        (|page| page.importances[0].1 = 1.5, "importance of rate is 1.5e0"),
    ];
    for (change, expected) in changes {
        let mut wrong = page();
        change(&mut wrong);
        let message = wrong.render().unwrap_err().to_string();
        assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
    }
}
