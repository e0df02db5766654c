//! A headless Chromium with one page in it, driven as a user's hands would: real pointer and key events, by the
//! `DevTools` protocol. Its messages are JSON, each ended by a zero byte, on the descriptors 3 and 4 of the browser.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::{skip, temp_dir};

/// How long the browser may take for anything before a test fails; on a laden machine it takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser. It ends with the value.
#[derive(Debug)]
pub struct Chromium {
    process: Child,
    requests: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    calls: u64,
    /// What the page has said on its console, and its uncaught errors.
    pub complaints: Vec<String>,
    /// The addresses that the page has asked for, its own first.
    pub addresses: Vec<String>,
    profile: TempDir,
}

impl Chromium {
    /// A browser without a page, `width` x 900 points; nothing, and a word about it, where the machine has none.
    pub fn start(width: u32) -> Option<Self> {
        let Some(program) = program() else {
            skip("no chromium; .ci/run installs it");
            return None;
        };
        let profile = temp_dir();
        // The shell moves the pipes to where the browser looks for them.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, "sh"])
            .arg(program)
            // It shows nothing but pages of ours, and its sandbox does not work for root.
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-pipe", "--no-first-run", "--disable-background-networking"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell runs");
        let requests = process.stdin.take().expect("its input is a pipe");
        let answers = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("the browser speaks JSON");
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let (complaints, addresses) = (Vec::new(), Vec::new());
        let mut browser = Self {
            process,
            requests,
            messages,
            session: None,
            calls: 0,
            complaints,
            addresses,
            profile,
        };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", &attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", &size);
        Some(browser)
    }

    /// Has the page believe that the user prefers this: `("prefers-color-scheme", "dark")`, say.
    pub fn prefer(&mut self, name: &str, value: &str) {
        let feature = json!({ "features": [{ "name": name, "value": value }] });
        self.call("Emulation.setEmulatedMedia", &feature);
    }

    /// Opens a document, as from a folder of the user's, and waits until it stands.
    pub fn open(&mut self, document: &str) {
        let path = self.profile.path().join("page.html");
        std::fs::write(&path, document).expect("the page can be written");
        self.call("Page.navigate", &json!({ "url": format!("file://{}", path.display()) }));
        self.wait_for("location.protocol === 'file:' && document.readyState === 'complete'");
        self.settle();
    }

    /// The value of a JavaScript expression; fails the test where it throws.
    #[track_caller]
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", &parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// The text of the element with this id.
    #[track_caller]
    pub fn text(&mut self, id: &str) -> String {
        let text = self.value(&format!("document.getElementById('{id}').textContent"));
        text.as_str().unwrap_or_else(|| panic!("#{id} has no text")).to_owned()
    }

    /// Waits until a JavaScript expression is true.
    #[track_caller]
    pub fn wait_for(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.value(&format!("Boolean({expression})")) != json!(true) {
            assert!(begun.elapsed() < PATIENCE, "{expression} has not become true");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets the page draw what it means to draw.
    pub fn settle(&mut self) {
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
    }

    /// Moves the pointer to this share of the element's width and height, and scrolls there if need be.
    #[track_caller]
    pub fn point_at(&mut self, id: &str, across: f64, down: f64) {
        self.pointer("mouseMoved", id, across, down, 0);
    }

    /// Turns the wheel towards the user over the middle of an element.
    #[track_caller]
    pub fn wheel(&mut self, id: &str) {
        self.pointer("mouseWheel", id, 0.5, 0.5, 0);
    }

    /// Clicks on the middle of an element.
    #[track_caller]
    pub fn click(&mut self, id: &str) {
        self.point_at(id, 0.5, 0.5);
        self.drag(id, (0.5, 0.5), (0.5, 0.5));
    }

    /// Drags from one place of an element to another.
    #[track_caller]
    pub fn drag(&mut self, id: &str, from: (f64, f64), to: (f64, f64)) {
        self.pointer("mousePressed", id, from.0, from.1, 1);
        if from != to {
            self.pointer("mouseMoved", id, to.0, to.1, 1);
        }
        self.pointer("mouseReleased", id, to.0, to.1, 0);
    }

    #[track_caller]
    fn pointer(&mut self, kind: &str, id: &str, across: f64, down: f64, buttons: u32) {
        let place = self.value(&format!(
            "(() => {{ const element = document.getElementById('{id}'); \
             element.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const box = element.getBoundingClientRect(); \
             return [box.x + {across} * box.width, box.y + {down} * box.height]; }})()"
        ));
        let pressed = buttons > 0 || kind == "mouseReleased";
        let button = if pressed { "left" } else { "none" };
        let event = json!({
            "type": kind, "x": place[0], "y": place[1], "button": button, "buttons": buttons, "clickCount": 1,
            "deltaX": 0, "deltaY": 90,
        });
        self.call("Input.dispatchMouseEvent", &event);
        self.settle();
    }

    /// Presses and releases a key: `ArrowLeft`, `Tab`, or a character.
    pub fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let code = match key {
            "Tab" => 9,
            " " => 32,
            "Home" => 36,
            "ArrowRight" => 39,
            _ => 0,
        };
        let event =
            |kind| json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code });
        self.call(
            "Input.dispatchKeyEvent",
            &event(if text.is_empty() { "rawKeyDown" } else { "keyDown" }),
        );
        self.call(
            "Input.dispatchKeyEvent",
            &json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code }),
        );
        self.settle();
    }

    /// Fails the test if the page has complained, or asked for anything but itself.
    #[track_caller]
    pub fn expect_calm(&mut self) {
        self.settle();
        assert!(self.complaints.is_empty(), "the console says {:#?}", self.complaints);
        assert_eq!(self.addresses.len(), 1, "the page asked for {:#?}", self.addresses);
    }

    /// Sends a command and waits for its answer, noting what else the browser says.
    #[track_caller]
    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.calls += 1;
        let mut request = json!({ "id": self.calls, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.requests.write_all(format!("{request}\0").as_bytes()).expect("the browser listens");
        loop {
            let Ok(mut message) = self.messages.recv_timeout(PATIENCE) else {
                panic!("chromium does not answer {method}");
            };
            if message["id"] == json!(self.calls) {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
            match message["method"].as_str() {
                Some("Network.requestWillBeSent") => {
                    // What stands in the page itself is asked of nobody.
                    let address = message["params"]["request"]["url"].as_str();
                    let asked = address.filter(|address| !address.starts_with("data:"));
                    self.addresses.extend(asked.map(str::to_owned));
                }
                Some("Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded") => {
                    self.complaints.push(message["params"].to_string());
                }
                _ => {}
            }
        }
    }
}

impl Drop for Chromium {
    /// Asks it to end, so that it leaves its profile alone before that goes away; then sees to it. A browser that
    /// has ended by itself is no matter here: its test has failed already.
    fn drop(&mut self) {
        let _ = self.requests.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if self.messages.recv_timeout(Duration::from_secs(1))
                == Err(RecvTimeoutError::Disconnected)
            {
                break;
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `ATELIER_CHROMIUM`, or the first browser of the family on the path.
fn program() -> Option<PathBuf> {
    let named = env::var_os("ATELIER_CHROMIUM").map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let found = || {
        env::split_paths(&path).find_map(|directory| {
            let names = ["chromium", "chromium-browser", "google-chrome"];
            names.map(|name| directory.join(name)).into_iter().find(|path| Path::is_file(path))
        })
    };
    named.or_else(found)
}
