//! Tells a signing key from something that somebody could guess.

/// The fewest bytes of a key: as many as the hash it is used with gives.
const LEAST_BYTES: usize = 32;
/// The fewest letters and digits that no word, run or repetition explains.
const LEAST_UNEXPLAINED: usize = 16;
/// The fewest different ones among them.
const LEAST_DISTINCT: usize = 8;

/// Keys that are random and printed in well-known documents.
const PUBLISHED: &[&str] = &[
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcUuTwjAzZr1Z9CAow",
    "db3OIsj+BXE9NZDy0t8W3TcNekrF+2d/1sFnWG4HnV8TZY30iTOdtVWJG8abWvB1GlOgJuQZdcF2Luqm/hccMw==",
];

/// How placeholder keys are worded; the longest word that fits is taken.
const WORDS: &str = "\
    your you yours this that here there these those the and for with from must should will can not into when \
    secret secrets secretkey key keys jwt token tokens json web access refresh auth authentication authorization \
    bearer sign signing signature session cookie hash salt encryption encrypt encrypted crypto hmac sha256 hs256 \
    change changed changeme changethis replace replaced replaceme update edit set put insert enter type paste add \
    production prod development dev develop test testing tests local localhost staging stage demo sample example \
    examples placeholder default dummy fake temp temporary todo fixme none null undefined value string text some \
    something random randomly generated generate generator strong stronger secure security securely insecure safe \
    super supersecret very really extra ultra mega long longer enough least minimum min max characters character \
    chars char bytes byte bits bit length please only never always don dont share commit keep private public hidden \
    own one two three four five six seven eight nine ten zero thirty thirtytwo sixtyfour use using used user users \
    name username admin administrator root master password passwd pass passphrase passw0rd login welcome hello \
    world letmein monkey dragon iloveyou qwerty qwertyuiop asdf asdfghjkl zxcv zxcvbnm azerty abc abcd abcdef \
    chat chatbot backend back end frontend server service api app application project company gemini google stripe \
    openai kuvaka fastapi django flask express node nodejs nest spring rust python java redis postgres database \
    celery pollux castor env environment config configuration setting settings file variable deploy deployment \
    correct horse battery staple dead beef deadbeef cafe babe cafebabe face feed foo bar baz foobar lorem ipsum dolor \
    amet openssl rand hex base64 uuid output run make new old first second last know known nobody everyone guess \
    guessable unguessable hard easy simple basic common shared real actual proper good better best";

/// Why a key is refused, in words that fit behind its name.
pub(super) fn weakness(key: &str) -> Option<&'static str> {
    if key.len() < LEAST_BYTES {
        return Some("is shorter than 32 bytes");
    }
    if PUBLISHED.contains(&key) || key.starts_with("django-insecure-") {
        return Some("is a key that documents print");
    }
    let (unexplained, distinct) = unexplained(key);
    let guessable = unexplained < LEAST_UNEXPLAINED || distinct < LEAST_DISTINCT;
    guessable.then_some("is placeholder text or easy to guess")
}

/// Counts the letters and digits that nothing explains, and the different ones among them.
fn unexplained(key: &str) -> (usize, usize) {
    let chars: Vec<char> = key.to_lowercase().chars().collect();
    let mut explained = vec![false; chars.len()];
    mark_words(&chars, &mut explained);
    let plain: Vec<char> = chars.iter().map(|c| without_leet(*c)).collect();
    mark_words(&plain, &mut explained);
    mark_runs(&chars, 1, &mut explained);
    mark_runs(&chars, 2, &mut explained);
    mark_repeats(&chars, &mut explained);
    let left = chars.iter().zip(&explained).filter(|(c, explained)| c.is_alphanumeric() && !**explained);
    let left: Vec<char> = left.map(|(c, _)| *c).collect();
    let distinct: std::collections::BTreeSet<_> = left.iter().collect();
    (left.len(), distinct.len())
}

fn mark_words(chars: &[char], explained: &mut [bool]) {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut at = 0;
    while at < chars.len() {
        let longest = words.iter().filter(|word| starts_with(&chars[at..], word)).map(|word| word.len()).max();
        if let Some(length) = longest {
            explained[at..at + length].fill(true);
        }
        at += longest.unwrap_or(1);
    }
}

fn starts_with(chars: &[char], word: &str) -> bool {
    word.len() <= chars.len() && word.chars().zip(chars).all(|(wanted, c)| wanted == *c)
}

fn without_leet(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Marks four in a row that go on evenly: `aaaa`, `1234`, `dcba`, and with a stride of two `a1b2c3d4`.
fn mark_runs(chars: &[char], stride: usize, explained: &mut [bool]) {
    for start in 0..chars.len().saturating_sub(3 * stride) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|step| i64::from(u32::from(chars[start + step * stride])));
        if b - a == c - b && c - b == d - c && (b - a).abs() <= 1 {
            explained[start..=start + 3 * stride].iter_mut().step_by(stride).for_each(|mark| *mark = true);
        }
    }
}

/// Marks each four characters that stood before.
fn mark_repeats(chars: &[char], explained: &mut [bool]) {
    let mut seen = std::collections::HashSet::new();
    for (start, window) in chars.windows(4).enumerate() {
        if !seen.insert(window) {
            explained[start..start + 4].fill(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use rand::RngExt as _;

    use super::*;

    fn random<const N: usize>() -> [u8; N] {
        rand::rng().random()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    #[test]
    fn random_keys_are_never_refused() {
        for _ in 0..500 {
            let text = base64::engine::general_purpose::STANDARD.encode(random::<32>());
            assert_eq!(weakness(&text), None, "{text}");
            for text in [
                hex(&random::<32>()),
                hex(&random::<16>()),
                uuid::Builder::from_random_bytes(random()).into_uuid().to_string(),
            ] {
                assert_eq!(weakness(&text), None, "{text}");
            }
        }
    }

    #[test]
    fn a_long_sentence_of_ones_own_is_accepted() {
        assert_eq!(weakness("gravel-Otter-plinth-Quince-mauve-7-tundra"), None);
    }
}
