//! `earmark serve --models`: loaded when asked for, anew when they change, and never worse than before.

#![cfg(feature = "serve")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "support/server.rs"]
mod server;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use earmark::model::{LoadedModel, with_detector};
use server::{Server, directory, post, until};
use support::fixture;

fn artifact() -> Vec<u8> {
    fs::read(fixture("../commands-m.ear")).unwrap()
}

/// The same network in another file.
fn changed(refractory_ms: u32) -> Vec<u8> {
    let loaded = LoadedModel::from_artifact("commands-m", &artifact()).unwrap();
    let model = loaded.model().unwrap();
    let detector = earmark_core::model::DetectorDefaults { refractory_ms, ..model.detector() };
    let thresholds: Vec<f32> = model.thresholds().to_vec();
    with_detector(model.bytes(), &detector, &thresholds).unwrap()
}

fn serve(models: &Path) -> Server {
    Server::start(["--models".as_ref(), models.as_os_str()])
}

fn audio() -> Vec<u8> {
    fs::read(fixture("yes.wav")).unwrap()
}

/// Asks all the time while `meanwhile` runs; every answer must be the right one.
fn under_load(server: &Server, path: &str, meanwhile: impl FnOnce()) {
    let audio = audio();
    let expected = server.post(path, "", &audio).body;
    /// Ends the asking, also where `meanwhile` fails.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = server.connect();
                    let mut answers = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        connection.send(&post(path, "x-use-cache: false\r\n", &audio));
                        let response = connection.response().expect("an answer");
                        assert_eq!((response.status, &response.body), (200, &expected), "{}", response.text());
                        answers += 1;
                    }
                    answers
                })
            })
            .collect();
        let over = Over(&is_over);
        meanwhile();
        drop(over);
        let answers: usize = asking.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert!(answers > 0);
    });
}

#[test]
fn a_changed_file_is_loaded_without_dropping_requests() {
    let models = directory("serve-changing");
    fs::write(models.join("m.ear"), artifact()).unwrap();
    let server = serve(&models);
    let loads = || server.logged("model m loaded");
    under_load(&server, "/models/m", || {
        for (turn, refractory_ms) in [700, 900].into_iter().enumerate() {
            // In one step, as it should be done; and in place, as it is done.
            if turn == 0 {
                fs::write(models.join("new"), changed(refractory_ms)).unwrap();
                fs::rename(models.join("new"), models.join("m.ear")).unwrap();
            } else {
                fs::write(models.join("m.ear"), changed(refractory_ms)).unwrap();
            }
            until("the change is loaded", || loads() == turn + 2);
        }
    });
    // What was remembered of the old one is not told of the new one.
    assert_eq!(server.post("/models/m", "", &audio()).headers["x-cache"], "miss");
    fs::remove_file(models.join("m.ear")).unwrap();
    until("a file that is gone is no model", || server.get("/models/m").status == 404);
    fs::write(models.join("m.ear"), artifact()).unwrap();
    until("one that comes is", || server.post("/models/m", "", &audio()).status == 200);
}

#[test]
fn garbage_in_the_place_of_a_model_changes_nothing_but_the_log() {
    let models = directory("serve-garbage");
    fs::write(models.join("m.ear"), artifact()).unwrap();
    let server = serve(&models);
    under_load(&server, "/models/m", || {
        let half = &artifact()[..30_000];
        let mut spoiled = artifact();
        spoiled[20_000] ^= 1;
        // The same complaint is made once, so neighbours differ in what is wrong with them.
        for (number, garbage) in [&b"garbage"[..], half, b"", &spoiled].into_iter().enumerate() {
            fs::write(models.join("m.ear"), garbage).unwrap();
            let complaints = || server.logged("model m has changed and cannot be loaded, the old one stays");
            until("the garbage is noticed", || complaints() > number);
        }
        assert_eq!(server.get("/status/m").text(), r#"{"id":"m","loaded":true,"state":"Loaded"}"#);
        fs::write(models.join("m.ear"), changed(800)).unwrap();
        until("a good one is loaded again", || server.logged("model m loaded") == 2);
    });
}

#[test]
fn a_disk_that_goes_takes_nothing_along_that_is_in_use() {
    let models = directory("serve-disk");
    let away = models.with_extension("away");
    let _ = fs::remove_dir_all(&away);
    for name in ["used.ear", "unused.ear"] {
        fs::write(models.join(name), artifact()).unwrap();
    }
    let server = serve(&models);
    under_load(&server, "/models/used", || {
        fs::rename(&models, &away).unwrap();
        until("it is noticed", || server.logged("cannot be looked at and stay as they are") == 1);
        let response = server.post("/models/unused", "", &audio());
        assert_eq!(response.status, 500);
        assert!(response.error().contains("its file cannot be read"), "{}", response.text());
        assert!(!response.error().contains(models.to_str().unwrap()), "paths are for the log");
        assert_eq!(server.post("/", "", &audio()).status, 200);
        fs::rename(&away, &models).unwrap();
        until("it is back", || server.post("/models/unused", "", &audio()).status == 200);
    });
    assert_eq!(server.logged("cannot be looked at"), 1);
}

#[test]
fn the_built_in_model_cannot_be_replaced() {
    let models = directory("serve-built-in");
    fs::create_dir(models.join("earmark")).unwrap();
    fs::write(models.join("earmark/commands.ear"), b"garbage").unwrap();
    fs::write(models.join("stream.ear"), artifact()).unwrap();
    fs::write(models.join(".hidden.ear"), artifact()).unwrap();
    let server = serve(&models);
    assert_eq!(server.post("/models/earmark/commands", "", &audio()).status, 200);
    until("it is told of", || server.logged("earmark/commands is the built-in model") == 1);
    let listed = server.get("/models").text();
    assert_eq!(listed, r#"[{"id":"earmark/commands","loaded":true,"state":"Loaded"}]"#);
}

#[test]
fn a_model_that_is_loading_is_told_of_as_such() {
    let models = directory("serve-loading");
    assert!(Command::new("mkfifo").arg(models.join("slow.ear")).status().unwrap().success());
    fs::write(models.join("broken.ear"), b"garbage").unwrap();
    let models = models.to_str().unwrap();
    let server = Server::start(["--models", models, "--default-model", "slow", "--timeout", "1"]);
    let response = server.get("/ready");
    let answer: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(response.status, 503);
    assert!(answer["estimated_time"].as_f64().unwrap() >= 1.0, "{answer}");
    assert!(response.headers["retry-after"].parse::<u32>().unwrap() >= 1);
    assert!(response.error().contains("model slow is still loading"), "{answer}");

    let response = server.post("/", "x-wait-for-model: true\r\n", &audio());
    assert_eq!(response.status, 504);
    assert_eq!(response.error(), "model slow is still loading after 1 s: try again later");

    // What will not come by itself is no 503: clients would try again without end.
    let server = Server::start(["--models", models, "--default-model", "broken"]);
    until("it has been tried", || server.get("/ready").status != 503);
    let response = server.get("/ready");
    assert_eq!((response.status, response.error().as_str()), (500, "model broken cannot be loaded"));
}

#[test]
fn what_cannot_be_served_is_told_in_one_line() {
    for (options, says) in [
        (["--models", "no/such"], "cannot read the models in no/such: "),
        (["--default-model", "nobody"], "there is no model nobody: there are earmark/commands"),
        (["--addr", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1: "),
    ] {
        let outcome = support::run(support::earmark().arg("serve").args(options), b"");
        assert_eq!((outcome.stdout.as_str(), outcome.code), ("", 2));
        assert!(outcome.stderr.starts_with(&format!("earmark: {says}")), "{}", outcome.stderr);
        assert_eq!(outcome.stderr.matches('\n').count(), 1);
    }
}

#[cfg(feature = "tract")]
#[test]
fn onnx_files_are_served_with_what_stands_beside_them() {
    let models = directory("serve-onnx");
    fs::copy(fixture("../commands-m.onnx"), models.join("net.onnx")).unwrap();
    // What stands beside the file goes before what is in it.
    let labels = ["yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "other", "nothing"];
    fs::write(models.join("net.toml"), format!("labels = {labels:?}\n")).unwrap();
    let answers = ["core", "tract"].map(|engine| {
        let server = Server::start(["--models", models.to_str().unwrap(), "--engine", engine]);
        let response = server.post("/models/net", "", &audio());
        assert_eq!(response.status, 200, "{}", response.text());
        let scores: Vec<serde_json::Value> = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(scores[0]["label"], "yes", "{engine}");
        // Not the names that begin with an underscore, which are in the file.
        assert!(scores.iter().all(|score| labels.iter().any(|label| score["label"] == *label)), "{engine}: {scores:?}");
        // An engine of its own gives its own answers for the built-in model, too.
        assert_eq!(server.post("/", "", &audio()).status, 200);
        scores[0]["score"].as_f64().unwrap()
    });
    assert!((answers[0] - answers[1]).abs() < 0.05, "{answers:?}");
}

#[cfg(not(feature = "tract"))]
#[test]
fn onnx_files_need_the_compiler() {
    let models = directory("serve-onnx-without");
    fs::copy(fixture("../commands-m.onnx"), models.join("net.onnx")).unwrap();
    let response = serve(&models).post("/models/net", "", &audio());
    assert_eq!(response.status, 500);
    assert!(response.error().contains("built without the model compiler"), "{}", response.text());
}
