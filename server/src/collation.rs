//! Sorts names as people do, and searches regardless of case, accents and width. Sort and search keys are computed when a row is written,
//! so that both databases sort and find alike without knowing a language.

use app::domain::email::Email;
use icu_collator::{
    Collator, CollatorBorrowed,
    options::{CollatorOptions, Strength},
};
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{CanonicalCombiningClass, DefaultIgnorableCodePoint, GeneralCategory, Script},
};
use std::{cmp::Ordering, sync::LazyLock};
use unicode_normalization::UnicodeNormalization;

/// The longest sort key, in bytes: long enough to tell names of forty letters in any script apart, and short enough for a cursor in an
/// address. Names that begin with the same forty letters are sorted by their ids.
pub const MAX_SORT_KEY_BYTES: usize = 128;
/// How many words of a search are looked for; the longest ones count.
pub const MAX_SEARCH_WORDS: usize = 8;

/// The order of the Unicode Collation Algorithm (UTS #10) with the root table of CLDR, which favours no language: accents count after
/// letters, case after accents. `None` cannot be, since the table is part of the program.
static COLLATOR: LazyLock<Option<CollatorBorrowed<'static>>> = LazyLock::new(|| {
    let mut options = CollatorOptions::default();
    options.strength = Some(Strength::Tertiary);
    Collator::try_new(Default::default(), options).ok()
});

/// Bytes that compare as people sort the texts.
pub fn sort_key(text: &str) -> Vec<u8> {
    let mut key = Vec::new();
    match &*COLLATOR {
        Some(collator) => {
            let Ok(()) = collator.write_sort_key_to(text, &mut key);
        }
        None => key.extend_from_slice(fold(text).as_bytes()),
    }
    key.truncate(MAX_SORT_KEY_BYTES);
    key
}

/// Compares two texts as people sort them, and equal ones by their characters.
pub fn compare(one: &str, other: &str) -> Ordering {
    let by_letters = COLLATOR.as_ref().map_or(Ordering::Equal, |collator| collator.compare(one, other));
    by_letters.then_with(|| one.cmp(other))
}

/// The keys of a line of the Users list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// What the list sorts by: the name, or the address while there is none.
    pub name_sort: Vec<u8>,
    /// What a search looks in: name, address as shown, and address as it is mailed where that is another, set apart by blanks.
    pub search: String,
}

impl Keys {
    /// The keys of this name and address.
    pub fn of(name: Option<&str>, email: &Email) -> Self {
        let parts = [name.unwrap_or_default(), email.typed(), email.key()].map(fold);
        let [name_part, shown, mailed] = &parts;
        let mut search = format!("{name_part} {shown}");
        if shown != mailed {
            search.push(' ');
            search.push_str(mailed);
        }
        Self { name_sort: sort_key(name.unwrap_or(email.typed())), search: search.trim().to_owned() }
    }
}

/// The words that a search looks for, each by itself: those that are part of another one left out, the longest first.
pub fn search_words(search: &str) -> Vec<String> {
    let folded = fold(search);
    // A search of which folding leaves nothing finds nobody, rather than everybody.
    let all = if folded.is_empty() { search.trim() } else { &folded };
    let bare = |word: &str| word.trim_matches([',', ';']).to_owned();
    let mut words: Vec<String> = all.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    let mut wanted: Vec<String> = Vec::new();
    for word in words {
        if wanted.len() < MAX_SEARCH_WORDS && !wanted.iter().any(|longer| longer.contains(&word)) {
            wanted.push(word);
        }
    }
    wanted
}

/// A text as search compares it: compatibility forms as their plain letters (NFKD), small letters, no accents, no invisible characters,
/// letters with a stroke and the like as those that people type for them, one blank between words.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_accent(*c) && !is_ignorable(*c)).flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ł' => folded.push('l'),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ŧ' => folded.push('t'),
            'ŋ' => folded.push('n'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            // Arabic keyboards and Persian ones write the same letters by different characters.
            'ي' | 'ى' => folded.push('ی'),
            'ك' => folded.push('ک'),
            'ة' => folded.push('ه'),
            // The Arabic stroke that only stretches a word (tatweel).
            '\u{640}' => {}
            '\u{2018}' | '\u{2019}' | '\u{2BC}' | '`' => folded.push('\''),
            '\u{2010}'..='\u{2015}' => folded.push('-'),
            c if c.is_control() => folded.push(' '),
            c => folded.push(c),
        }
    }
    // Lower-casing and replacing may have produced new accents.
    let folded: String = folded.nfkd().filter(|c| !is_accent(*c)).nfc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A mark that may be left out without another letter coming of it: accents of Latin, Greek and Cyrillic, vowel points of Arabic and
/// Hebrew, the dot below of Indic letters. Vowels of India and the voicing of Japan are none.
fn is_accent(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    if ![GeneralCategory::NonspacingMark, GeneralCategory::EnclosingMark].contains(&category) {
        return false;
    }
    let class = CodePointMapData::<CanonicalCombiningClass>::new().get(c);
    let script = CodePointMapData::<Script>::new().get(c);
    let accented = [Script::Inherited, Script::Arabic, Script::Cyrillic, Script::Greek, Script::Hebrew, Script::Latin];
    let voicing = matches!(c, '\u{3099}' | '\u{309A}');
    class == CanonicalCombiningClass::Nukta || accented.contains(&script) && !voicing
}

fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(name: Option<&str>, email: &str) -> Keys {
        Keys::of(name, &Email::parse(email).unwrap())
    }

    #[test]
    fn names_sort_as_people_sort_them() {
        let sorted = [
            "Adam", "Ägidius", "ägidius", "Agnes", "de Boer", "Élodie", "Łukasz", "Ömer", "Oskar", "Otto", "Straße",
            "Strasze", "Zora", "Åsa",
        ];
        let mut by_key = sorted.to_vec();
        by_key.sort_by_key(|name| sort_key(name));
        let mut by_comparison = sorted.to_vec();
        by_comparison.sort_by(|one, other| compare(one, other));
        let right = [
            "Adam", "ägidius", "Ägidius", "Agnes", "Åsa", "de Boer", "Élodie", "Łukasz", "Ömer", "Oskar", "Otto",
            "Straße", "Strasze", "Zora",
        ];
        assert_eq!(by_key, right);
        assert_eq!(by_comparison, right);
        assert_eq!(sort_key("Zoé"), sort_key("Zoe\u{301}"));
        assert!(sort_key(&"漢".repeat(100)).len() <= MAX_SORT_KEY_BYTES);
        assert!(sort_key("") < sort_key("1") && sort_key("1") < sort_key("a"));
    }

    #[test]
    fn a_search_passes_over_case_accents_and_width() {
        let found = |search: &str, name: &str| {
            let key = keys(Some(name), "x@example.org").search;
            search_words(search).iter().all(|word| key.contains(word.as_str()))
        };
        for (search, name) in [
            ("agidius", "Ägidius Alt"),
            ("ÄGIDIUS", "ägidius"),
            ("lukasz", "Łukasz"),
            ("Łukasz", "Lukasz"),
            ("soren", "Søren Ærø"),
            ("aero", "Søren Ærø"),
            ("strasse", "Hans Straße"),
            ("STRASSE", "Hans Straße"),
            ("straße", "Hans Strasse"),
            ("ｆｕｊｉ", "Fuji"),
            ("fuji", "Ｆｕｊｉ"),
            ("ｶﾞ", "ガ"),
            ("istanbul", "İstanbul"),
            ("isil", "Işıl"),
            ("silva ana", "Ana María Silva"),
            ("Silva, Ana", "Ana María Silva"),
            ("mar a", "Ana María Silva"),
            ("o'brien", "O’Brien"),
            ("jean-luc", "Jean‑Luc"),
            ("علی رضا", "علی\u{200C}رضا"),
            ("علي", "علی\u{200C}رضا"),
            ("محمد", "مُحَمَّد"),
            ("tuan", "Tuấn"),
            ("θεοσ", "ΘΕΌΣ"),
            ("e\u{301}lodie", "Élodie"),
            ("x@example", "Ana"),
            ("ana x@example.org", "Ana"),
        ] {
            assert!(found(search, name), "{search:?} in {name:?}");
        }
        for (search, name) in
            [("राम", "रमा"), ("か", "が"), ("anna", "Ana"), ("ana ben", "Ana"), ("\u{301}", "Ana"), ("\u{200D}", "Ana")]
        {
            assert!(!found(search, name), "{search:?} in {name:?}");
        }
    }

    #[test]
    fn a_domain_is_found_by_either_form() {
        let key = keys(None, "ana@Bücher.example").search;
        assert_eq!(key, keys(None, "ana@xn--bcher-kva.example").search);
        for search in
            ["bücher", "BÜCHER", "bucher", "ana@bücher", "bücher.example", "xn--bcher", "ANA@XN--BCHER-KVA.example"]
        {
            assert!(search_words(search).iter().all(|word| key.contains(word.as_str())), "{search}");
        }
    }

    #[test]
    fn words_that_add_nothing_are_not_looked_for() {
        assert_eq!(search_words("an ana  ANA b"), ["ana", "b"]);
        assert_eq!(search_words(" , "), [""; 0]);
        assert_eq!(search_words("a b c d e f g h i j k").len(), MAX_SEARCH_WORDS);
        assert_eq!(search_words("a b c d e f g h longest")[0], "longest");
        assert_eq!(search_words("a\0b"), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(text in "\\PC{0,40}") {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn keys_and_comparison_agree(one in "[a-zäöüÄÖßéŁ 漢字Яя-]{0,12}", other in "[a-zäöüÄÖßéŁ 漢字Яя-]{0,12}") {
            let by_key = sort_key(&one).cmp(&sort_key(&other));
            if by_key != Ordering::Equal {
                prop_assert_eq!(by_key, compare(&one, &other));
            }
        }
    }
}
