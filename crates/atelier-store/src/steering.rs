/// Whether a character steers what shows it instead of being shown: control characters, and those that turn the
/// direction of the text around them, so that a name reads as another one.
///
/// Text from outside goes to terminals, figures and pages without them.
///
/// ```
/// let name = "run-\u{202e}gnp.exe".replace(atelier_store::is_steering, "?");
/// assert_eq!(name, "run-?gnp.exe");
/// ```
#[must_use]
pub fn is_steering(c: char) -> bool {
    // Unicode's Bidi_Control beside the controls proper.
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}
