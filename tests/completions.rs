//! Completions, as the shell itself makes them.

use std::process::Command;

use crate::cli::{atelier, skip, temp_dir};

/// What bash offers for the last of these words.
fn offered(script: &str, words: &[&str]) -> Option<Vec<String>> {
    let directory = temp_dir();
    let file = directory.path().join("atelier.bash");
    std::fs::write(&file, script).expect("a file");
    let last = words.len() - 1;
    let lines = format!(
        "source {}\nCOMP_WORDS=({})\nCOMP_CWORD={last}\n_atelier atelier '{}' '{}'\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display(),
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words[last],
        words[last - 1]
    );
    let output = Command::new("bash").args(["--norc", "-c", &lines]).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_string).collect())
}

#[test]
fn bash_completes_verbs_flags_and_values() {
    let script = atelier(["completions", "bash"]).run().expect_code(0).stdout;
    for (words, expected) in [
        (&["atelier", "tr"][..], "train"),
        (&["atelier", "runs", "ver"], "verify"),
        (&["atelier", "train", "--se"], "--set"),
        (&["atelier", "train", "--format", "j"], "json"),
        (&["atelier", "runs", "check", "--req"], "--require"),
    ] {
        let Some(offered) = offered(&script, words) else { return skip("no bash") };
        assert!(offered.iter().any(|word| word == expected), "{words:?}: {offered:?}");
    }
}

#[test]
fn other_shells_have_completions_too_and_an_unknown_one_is_refused() {
    for (shell, part) in [("zsh", "#compdef atelier"), ("fish", "complete -c atelier")] {
        let script = atelier(["completions", shell]).run().expect_code(0).stdout;
        assert!(script.contains(part), "{shell} has no {part:?}");
    }
    let refused = atelier(["completions", "bsh"]).run().expect_code(2);
    assert!(refused.stderr.contains("'bash'"), "{refused}");
}
