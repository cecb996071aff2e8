//! The token that clients send.

use ring::{
    hmac::{HMAC_SHA256, Key, sign, verify},
    rand::SystemRandom,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// The shortest token that is accepted: shorter ones can be guessed.
const SHORTEST: usize = 16;

/// Why a file has no usable token.
#[derive(Debug, Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("token_file {}: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The token is too short.
    #[error("the first line of token_file {} has less than {SHORTEST} characters; make one with: openssl rand -hex 32", .0.display())]
    Short(PathBuf),
    /// The operating system gives no random numbers.
    #[error("no random numbers from the operating system")]
    Random,
}

/// The token, kept so that comparisons take the same time whatever is compared.
pub struct Token {
    /// A random key, and the token under it.
    key: Key,
    tag: Vec<u8>,
    /// What a browser gets in place of the token: useless for anything else, and void when the token changes.
    cookie: String,
}

impl Token {
    /// Reads the first line of `file`.
    ///
    /// # Errors
    /// When there is none, or it is too short.
    pub fn read(file: &Path) -> Result<Self, TokenError> {
        let text =
            fs::read_to_string(file).map_err(|error| TokenError::Read { file: file.to_owned(), error })?;
        let token = text.lines().next().unwrap_or_default().trim();
        if token.chars().count() < SHORTEST {
            return Err(TokenError::Short(file.to_owned()));
        }
        let key = Key::generate(HMAC_SHA256, &SystemRandom::new()).map_err(|_| TokenError::Random)?;
        let tag = sign(&key, token.as_bytes()).as_ref().to_vec();
        let proof = sign(&Key::new(HMAC_SHA256, token.as_bytes()), b"emotiond browser");
        let cookie = proof.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { key, tag, cookie })
    }

    /// Whether `token` is this one.
    pub fn is(&self, token: &str) -> bool {
        verify(&self.key, token.as_bytes(), &self.tag).is_ok()
    }

    /// The value of a browser's cookie.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Whether `cookie` is the value of the cookie.
    pub fn is_cookie(&self, cookie: &str) -> bool {
        let tag = sign(&self.key, self.cookie.as_bytes());
        verify(&self.key, cookie.as_bytes(), tag.as_ref()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn token(text: &str) -> Result<Token, TokenError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Token::read(file.path())
    }

    #[test]
    fn the_first_line_is_the_token() {
        let token = token("0123456789abcdef\nnotes\n").unwrap();
        assert!(token.is("0123456789abcdef"));
        for other in ["", "0123456789abcde", "0123456789abcdef\n", "notes"] {
            assert!(!token.is(other), "{other}");
        }
        assert!(token.is_cookie(token.cookie()));
        assert!(!token.is_cookie("0123456789abcdef") && !token.is(token.cookie()));
    }

    #[test]
    fn a_short_token_is_refused() {
        for text in ["", "\n0123456789abcdef", "0123456789abcde"] {
            assert!(matches!(token(text), Err(TokenError::Short(_))), "{text}");
        }
    }
}
