//! Bad data given to `emotiond-train data` and other commands: one clear line and the documented exit code.

use emotiond_core::{
    classify::description::InputSpec,
    exit::{Exit, ExitsWith},
};
use emotiond_train::dataset::{Dataset, VOTE_COLUMNS};
use flate2::{Compression, write::GzEncoder};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emotiond-train")).args(arguments).output().unwrap()
}

fn data(path: &Path) -> Output {
    run(&["data", path.to_str().unwrap(), "--json"])
}

/// Asserts that the program printed one line with all of `parts` and ended with `code`.
fn assert_fails(output: &Output, code: i32, parts: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    assert!(output.stdout.is_empty(), "nothing goes to stdout");
    for part in parts {
        assert!(error.contains(part), "{error:?} does not say {part:?}");
    }
}

/// The pixels of a picture that is different for every number.
fn pixels(number: usize) -> String {
    (0..2304).map(|i| ((i * (number + 3)) % 256).to_string()).collect::<Vec<_>>().join(" ")
}

/// Rows of all seven emotions, ten for training and four public ones.
fn good_csv() -> String {
    let row = |number: usize| {
        let usage = if number < 10 { "Training" } else { "PublicTest" };
        format!("{},{},{usage}\n", number % 7, pixels(number))
    };
    "emotion,pixels,Usage\n".to_owned() + &(0..14).map(row).collect::<String>()
}

fn write(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn survey(path: &Path) -> serde_json::Value {
    let output = data(path);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn both_csv_layouts_zipped_or_not_give_the_same() {
    let folder = TempDir::new().unwrap();
    let plain = survey(&write(&folder, "fer2013.csv", good_csv()));
    assert_eq!((&plain["splits"][0]["rows"], &plain["splits"][1]["rows"]), (&10.into(), &4.into()));
    // Gzip is recognised by the content, not by the name.
    assert_eq!(survey(&write(&folder, "zipped.csv", gzip(&good_csv()))), plain);
    assert_eq!(survey(&write(&folder, "plain.csv.gz", good_csv())), plain);
    let swapped: String = good_csv()
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            format!("{}, {}, {}\r\n", cells[0], cells[2], cells[1])
        })
        .collect();
    assert!(swapped.starts_with("emotion, Usage, pixels\r\n"));
    assert_eq!(survey(&write(&folder, "icml_face_data.csv", swapped)), plain);
}

#[test]
fn repeats_and_constant_pictures_are_found() {
    let folder = TempDir::new().unwrap();
    let constant = ["77"; 2304].join(" ");
    let csv = good_csv()
        + &format!("0,{},Training\n3,{},PublicTest\n2,{constant},Training\n", pixels(1), pixels(2));
    let survey = survey(&write(&folder, "fer2013.csv", csv));
    assert_eq!(survey["splits"][0]["duplicates"], 1);
    assert_eq!(survey["splits"][0]["constant_rows"], serde_json::json!(["row 17"]));
    assert_eq!(survey["overlaps"], serde_json::json!([{"a": "Training", "b": "PublicTest", "rows_of_b": 1}]));
    assert_eq!(survey["contradictions"], 2);
}

#[test]
fn each_error_of_a_csv_is_named_with_its_row() {
    let folder = TempDir::new().unwrap();
    let with_row = |row: &str| good_csv() + row + "\n";
    let short = pixels(0).rsplit_once(' ').unwrap().0.to_owned();
    let errors: [(&str, String, &[&str]); 9] = [
        (
            "a missing column",
            good_csv().replacen("Usage", "Use", 1),
            &["no column `Usage`", "emotion, pixels, Use"],
        ),
        ("2,303 pixels", with_row(&format!("0,{short},Training")), &["row 15 (line 16)", "2303", "2304"]),
        (
            "a pixel of 300",
            with_row(&format!("0,300 {short},Training")),
            &["row 15", "pixel 1 is \"300\"", "0 to 255"],
        ),
        ("a pixel of -1", with_row(&format!("0,{short} -1,Training")), &["row 15", "pixel 2304 is \"-1\""]),
        ("a label of 9", with_row(&format!("9,{},Training", pixels(0))), &["row 15", "\"9\"", "0 to 6"]),
        ("a row of two columns", with_row("0,1 2 3"), &["row 15", "2 columns", "3"]),
        ("no split", with_row(&format!("0,{},", pixels(0))), &["row 15", "Usage"]),
        ("no text at all", "\u{0}\u{1}\n\r\u{7f}".to_owned(), &["no column `emotion`"]),
        ("no row", "emotion,pixels,Usage\n".to_owned(), &["no picture"]),
    ];
    for (name, csv, parts) in errors {
        let path = write(&folder, "bad.csv", csv);
        println!("{name}");
        assert_fails(&data(&path), 65, &[&["bad.csv"], parts].concat());
    }
}

#[test]
fn a_gzip_that_breaks_off_is_named() {
    let folder = TempDir::new().unwrap();
    let zipped = gzip(&good_csv());
    for length in [zipped.len() / 2, zipped.len() - 4] {
        let path = write(&folder, "fer2013.csv.gz", &zipped[..length]);
        assert_fails(&data(&path), 65, &["fer2013.csv.gz", "gzip", "after row", "fetch it again"]);
    }
    let mut damaged = zipped;
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0xff);
    assert_fails(&data(&write(&folder, "fer2013.csv.gz", damaged)), 65, &["fer2013.csv.gz"]);
}

/// Writes a gzip of `start` and `megabytes` of `1 `.
fn write_bomb(folder: &TempDir, start: &str, megabytes: usize) -> PathBuf {
    let path = folder.path().join("bomb.csv.gz");
    let mut encoder = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
    encoder.write_all(start.as_bytes()).unwrap();
    let piece = b"1 ".repeat(1 << 19);
    (0..megabytes).for_each(|_| encoder.write_all(&piece).unwrap());
    encoder.finish().unwrap();
    path
}

#[test]
fn a_row_without_an_end_is_refused_in_little_memory() {
    let folder = TempDir::new().unwrap();
    let columns = VOTE_COLUMNS.join(",");
    for (start, place) in [
        (good_csv() + "3,", "row 15 (line 16)"),
        (good_csv() + "3,\"", "row 15 (line 16)"),
        ("emotion,".to_owned(), "the first line"),
    ] {
        let path = write_bomb(&folder, &start, 600);
        let limited = ["-c", "ulimit -v 1000000; exec \"$@\"", "bash", env!("CARGO_BIN_EXE_emotiond-train")];
        let output =
            Command::new("bash").args(limited).arg("data").arg(&path).arg("--json").output().unwrap();
        assert_fails(&output, 65, &["bomb.csv.gz", place, "more than 1048576 bytes", "48 x 48"]);
    }
    let data = write(&folder, "fer2013.csv", good_csv());
    let bomb = write_bomb(&folder, &format!("Usage,Image name,{columns}\nTraining,"), 40);
    let mut dataset = Dataset::load(&data, &InputSpec::fer2013()).unwrap();
    let error = dataset.join_votes(Some(&bomb)).unwrap_err();
    assert!(error.exit() == Exit::Data && error.to_string().contains("row 1 (line 2) has more"), "{error}");
}

#[test]
fn what_is_not_there_is_66() {
    assert_fails(&data(Path::new("not/there.csv")), 66, &["not/there.csv"]);
}

/// A folder `split/emotion/*.png` with one picture per class.
fn image_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (split, side) in [("train", 48_u32), ("test", 96)] {
        for (shade, emotion) in ["Angry", "happiness", "neutral"].into_iter().enumerate() {
            let class = folder.path().join(split).join(emotion);
            fs::create_dir_all(&class).unwrap();
            let ramp = image::RgbImage::from_fn(side, side, |x, y| {
                image::Rgb([(x * 2) as u8, (y * 2) as u8, shade as u8 * 60])
            });
            ramp.save(class.join("face.png")).unwrap();
            fs::write(class.join("notes.txt"), "not a picture").unwrap();
        }
    }
    folder
}

#[test]
fn folders_are_read_under_their_emotions() {
    let survey = survey(image_folder().path());
    let rows =
        |split: usize| (survey["splits"][split]["name"].clone(), survey["splits"][split]["rows"].clone());
    assert_eq!([rows(0), rows(1)], [("test".into(), 3.into()), ("train".into(), 3.into())]);
    assert_eq!(
        survey["splits"][1]["emotions"],
        serde_json::json!([["angry", 1], ["happy", 1], ["neutral", 1]])
    );
}

#[test]
fn each_error_of_a_folder_is_named() {
    let folder = image_folder();
    let class = folder.path().join("train/neutral");
    fs::write(class.join("broken.jpg"), b"\xff\xd8\xff\xe0 no picture").unwrap();
    assert_fails(&data(folder.path()), 65, &["broken.jpg"]);
    fs::remove_file(class.join("broken.jpg")).unwrap();
    fs::remove_file(class.join("face.png")).unwrap();
    assert_fails(&data(folder.path()), 65, &["train/neutral", "no .png or .jpg"]);
    fs::rename(&class, folder.path().join("train/hungry")).unwrap();
    assert_fails(&data(folder.path()), 65, &["hungry", "angry, disgust"]);
    assert_fails(&data(TempDir::new().unwrap().path()), 65, &["train/<emotion>"]);
}

#[test]
fn a_report_of_no_run_is_66() {
    let folder = TempDir::new().unwrap();
    assert_fails(&run(&["report", folder.path().to_str().unwrap()]), 66, &["report.json"]);
}
