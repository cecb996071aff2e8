use super::*;

fn read(text: &str) -> Address {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn login(text: &str) -> Option<(String, String)> {
    read(text).login
}

fn pair(user: &str, password: &str) -> Option<(String, String)> {
    Some((user.to_owned(), password.to_owned()))
}

#[test]
fn a_password_with_unescaped_characters_is_understood_where_it_is_clear() {
    for password in ["p@ss", "p#ss", "p/ss", "p?ss", "p:ss", "p%ss", "p@ss:w#rd/x", "a%zz", "#", "/@"] {
        let text = format!("rtsp://user:{password}@10.0.0.7:554/live");
        assert_eq!(login(&text), pair("user", password), "{text}");
        assert_eq!(read(&text).to_string(), "rtsp://10.0.0.7:554/live");
    }
    assert_eq!(login("http://me@x.org:p%40%2F@cam/"), pair("me@x.org", "p@/"));
    assert_eq!(login("http://user@cam.lan/a"), pair("user", ""));
    assert_eq!(login("http://10.0.0.7:80/a:b@c"), None);
    assert_eq!(login("http://cam/stream?mail=a@b.de"), None);
    assert_eq!(login("http://user:pw@cam.lan/stream?mail=a@b.de"), pair("user", "pw"));
    assert_eq!(login("udp://@239.0.0.1:5000"), None);
    assert_eq!(read("srt://:9000?mode=listener").for_ffmpeg(), "srt://:9000?mode=listener");
    assert_eq!(read("http://[fe80::1]:80/a").without_login(), "http://[fe80::1]:80/a");
    for unclear in ["http://user:12/34@cam/", "http://user:p@ss/w@cam/", "rtsp://u:a#b@c/d@e"] {
        let error = unclear.parse::<Address>().unwrap_err();
        assert!(error.contains("%40 for @") && !error.contains("12") && !error.contains("ss/w"), "{error}");
    }
    for invalid in ["http://", "http:///a", "http://cam:99999/", "http://ca m/", "http://cam/\n"] {
        assert!(invalid.parse::<Address>().is_err(), "{invalid}");
    }
}

#[test]
fn schemes_are_known_in_any_letter_case() {
    assert_eq!(read("RTSP://Cam/A").for_ffmpeg(), "rtsp://Cam/A");
    let error = "gopher://user:secret@host".parse::<Address>().unwrap_err();
    assert!(
        error.contains("gopher://") && error.contains("rtmps://") && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn ffmpeg_gets_an_address_that_needs_no_quotes() {
    let address = read("rtsp://user:it's\\a@10.0.0.7/a 'b'?c=%20#d");
    assert_eq!(address.for_ffmpeg(), "rtsp://user:it%27s%5Ca@10.0.0.7/a%20%27b%27?c=%20#d");
    assert_eq!(read("http://cam/a#secret").for_ffmpeg(), "http://cam/a");
}

#[test]
fn secrets_are_not_shown_however_they_are_spelled() {
    for (text, shown) in [
        ("http://u:secret@cam/a?channel=2&pwd=secret", "http://cam/a?channel=2&pwd=*"),
        ("http://cam/a?secret", "http://cam/a?*"),
        ("http://cam/a?token=x=secret", "http://cam/a?token=*"),
        ("rtsp://cam/a#secret", "rtsp://cam/a"),
        ("rtsp://cam/user=admin_password=secret_channel=1.sdp", "rtsp://cam/user=*"),
        ("srt://cam:9000?passphrase=secret", "srt://cam:9000?passphrase=*"),
    ] {
        assert_eq!(read(text).to_string(), shown);
        assert!(!format!("{:?}", read(text)).contains("secret"));
        let message = format!("[http] cannot open '{text}': {text}: refused at {}", read(text).for_ffmpeg());
        let hidden = read("http://other/").hide_in(&message);
        assert!(!hidden.contains("secret") && hidden.contains("refused"), "{hidden}");
    }
    let hidden =
        read("http://u:s%2Fcret@cam/?key=1234").hide_in("login s/cret or s%2Fcret fails for key=1234");
    assert_eq!(hidden, "login * or * fails for *");
    assert_eq!(hide_addresses("öö://x"), "öö://...");
}

#[test]
fn a_redirect_keeps_the_login_on_the_same_host_only() {
    let start = read("https://u:secret@cam:8443/a/b?c");
    let login = |location: &str| start.redirected(location).unwrap().login;
    assert_eq!(login("/x"), start.login);
    assert_eq!(login("https://cam:8443/x y"), start.login);
    for elsewhere in ["https://other/x", "//cam/x", "http://cam:8443/x", "https://cam:8443.evil/x"] {
        assert_eq!(start.redirected(elsewhere).ok().and_then(|next| next.login), None, "{elsewhere}");
    }
    assert_eq!(login("https://v:w@other/x"), pair("v", "w"));
    let plain = read("http://u:secret@Cam/a");
    for kept in ["http://cam:80/b", "https://cam/b"] {
        assert_eq!(plain.redirected(kept).unwrap().login, plain.login, "{kept}");
    }
    assert_eq!(start.redirected("d?e").unwrap().without_login(), "https://cam:8443/a/d?e");
    assert!(start.redirected("file:///etc/passwd").is_err());
}
