//! Downloads from a small server in this process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use ocelli_data::Error;
use ocelli_data::download::{Resource, fetch, fetch_all, sha256};

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// As asked, ranges too.
    Whole,
    /// Without ranges.
    NoRanges,
    /// Closes the connection after so many bytes of a body.
    Cut(usize),
}

/// The path and range of a request.
type Request = (String, Option<usize>);

struct Server {
    address: String,
    manner: Arc<Mutex<Manner>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start(files: HashMap<&'static str, Vec<u8>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            address: format!("http://{}/", listener.local_addr().unwrap()),
            manner: Arc::new(Mutex::new(Manner::Whole)),
            requests: Arc::default(),
        };
        let (manner, requests) = (server.manner.clone(), server.requests.clone());
        // The thread ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let manner = *manner.lock().unwrap();
                // A client that goes away early is none of the server's business.
                let _ = answer(stream, &files, manner, &requests);
            }
        });
        server
    }

    fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn answer(
    mut stream: TcpStream,
    files: &HashMap<&'static str, Vec<u8>>,
    manner: Manner,
    requests: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let name = first.split(['/', ' ']).nth(2).unwrap_or_default().to_string();
    let mut range = None;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(start) = line.strip_prefix("range: bytes=") {
            range = start.trim_end_matches('-').parse::<usize>().ok();
        }
    }
    requests.lock().unwrap().push((name.clone(), range));
    let Some(content) = files.get(name.as_str()) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let start = range.filter(|_| manner != Manner::NoRanges);
    let body = &content[start.unwrap_or(0)..];
    let status = match start {
        Some(start) => {
            format!("206 Partial Content\r\nContent-Range: bytes {start}-{}/{}", content.len() - 1, content.len())
        }
        None => "200 OK".to_string(),
    };
    let header = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(header.as_bytes())?;
    let sent = match manner {
        Manner::Cut(count) => count.min(body.len()),
        _ => body.len(),
    };
    stream.write_all(&body[..sent])
}

fn content() -> Vec<u8> {
    (0..200_000u32).map(|x| (x.wrapping_mul(x) >> 7) as u8).collect()
}

fn digest(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    sha256(file.path()).unwrap()
}

fn names(directory: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".lock")
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_fetched_once() {
    let server = Server::start([("digits.gz", content()), ("labels.gz", vec![7; 10])].into());
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("deep/cache");
    let (digits, labels) = (digest(&content()), digest(&[7; 10]));
    let resources = [
        Resource { name: "digits.gz", sha256: &digits, bytes: 200_000 },
        Resource { name: "labels.gz", sha256: &labels, bytes: 10 },
    ];
    for _ in 0..2 {
        fetch_all(&[&server.address], &resources, &cache).unwrap();
    }
    assert_eq!(std::fs::read(cache.join("digits.gz")).unwrap(), content());
    assert_eq!(names(&cache), ["digits.gz", "labels.gz"]);
    assert_eq!(server.take_requests().len(), 2);
    // A file that was spoiled since is fetched again.
    std::fs::write(cache.join("labels.gz"), [7; 9]).unwrap();
    fetch_all(&[&server.address], &resources, &cache).unwrap();
    assert_eq!(std::fs::read(cache.join("labels.gz")).unwrap(), [7; 10]);
}

#[test]
fn those_who_fetch_at_once_wait_for_each_other() {
    let server = Server::start([("digits.gz", content())].into());
    let directory = tempfile::tempdir().unwrap();
    let digest = digest(&content());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let resource = Resource { name: "digits.gz", sha256: &digest, bytes: 200_000 };
                fetch(&[&server.address], &resource, directory.path()).unwrap();
            });
        }
    });
    assert_eq!(server.take_requests().len(), 1);
    assert_eq!(names(directory.path()), ["digits.gz"]);
}

#[test]
fn a_download_that_broke_off_is_resumed() {
    let server = Server::start([("digits.gz", content())].into());
    let directory = tempfile::tempdir().unwrap();
    let digest = digest(&content());
    let resource = Resource { name: "digits.gz", sha256: &digest, bytes: 200_000 };
    server.set(Manner::Cut(70_000));
    for have in [70_000, 140_000] {
        let error = fetch(&[&server.address], &resource, directory.path()).unwrap_err();
        assert!(matches!(error, Error::Download { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("expected 200000 bytes, received {have}")), "{text}");
        assert!(text.starts_with(&server.address), "{text}");
        // Nothing has taken the file's name.
        assert_eq!(names(directory.path()), ["digits.gz.part"]);
    }
    let path = fetch(&[&server.address], &resource, directory.path()).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content());
    assert_eq!(names(directory.path()), ["digits.gz"]);
    let ranges: Vec<_> = server.take_requests().into_iter().map(|r| r.1).collect();
    assert_eq!(ranges, [None, Some(70_000), Some(140_000)]);
}

#[test]
fn resuming_survives_servers_without_ranges_and_spoiled_parts() {
    let server = Server::start([("digits.gz", content())].into());
    let digest = digest(&content());
    let resource = Resource { name: "digits.gz", sha256: &digest, bytes: 200_000 };
    for (manner, part, requests) in [
        (Manner::NoRanges, content()[..1000].to_vec(), 1),
        (Manner::Whole, vec![9; 1000], 2),
        (Manner::Whole, vec![9; 200_000], 1),
        (Manner::Whole, vec![9; 300_000], 1),
        (Manner::Whole, content(), 0),
    ] {
        let directory = tempfile::tempdir().unwrap();
        server.set(manner);
        std::fs::write(directory.path().join("digits.gz.part"), part).unwrap();
        let path = fetch(&[&server.address], &resource, directory.path()).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), content());
        assert_eq!(server.take_requests().len(), requests);
    }
}

#[test]
fn what_is_not_the_published_file_is_refused() {
    let server = Server::start([("digits.gz", vec![1; 1000]), ("long.gz", vec![1; 5000])].into());
    let directory = tempfile::tempdir().unwrap();
    let wrong = digest(&content());
    let resource = Resource { name: "digits.gz", sha256: &wrong, bytes: 1000 };
    let error = fetch(&[&server.address], &resource, directory.path()).unwrap_err();
    assert!(matches!(error, Error::Checksum { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("expected SHA-256 {wrong}, received ")), "{text}");
    let resource = Resource { name: "long.gz", sha256: &wrong, bytes: 1000 };
    assert!(fetch(&[&server.address], &resource, directory.path()).is_err());
    let resource = Resource { name: "absent.gz", sha256: &wrong, bytes: 1000 };
    let text = fetch(&[&server.address], &resource, directory.path()).unwrap_err().to_string();
    assert!(text.ends_with("absent.gz: expected status 200 or 206, received 404"), "{text}");
    assert!(names(directory.path()).is_empty());
}

#[test]
fn mirrors_are_tried_in_turn() {
    let good = Server::start([("digits.gz", content())].into());
    let empty = Server::start(HashMap::new());
    // Nobody listens here any more.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = format!("http://{gone}/");
    let digest = digest(&content());
    let resource = Resource { name: "digits.gz", sha256: &digest, bytes: 200_000 };
    let directory = tempfile::tempdir().unwrap();
    let mirrors: [&str; 3] = [&gone, &empty.address, &good.address];
    fetch(&mirrors, &resource, directory.path()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let text = fetch(&mirrors[..1], &resource, other.path()).unwrap_err().to_string();
    assert!(text.starts_with(&gone), "{text}");
    assert!(fetch(&[], &resource, other.path()).is_err());
    // A directory that cannot be made is an error before anything is fetched.
    let file = other.path().join("file");
    std::fs::write(&file, "").unwrap();
    good.take_requests();
    let error = fetch(&[&good.address], &resource, &file.join("cache")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(good.take_requests().is_empty());
}
