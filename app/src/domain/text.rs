//! Characters that show nothing. Only short, fixed lists: the tables of Unicode are too large for the browser.

/// Shows nothing by itself: Unicode's `Default_Ignorable_Code_Point`, which a test compares with the tables, and the blank of Braille.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// A bidirectional control: it changes the direction in which the text around it reads.
pub(super) const fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// U+200C and U+200D: invisible, and part of the spelling in some scripts and in emoji.
pub(super) const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use icu_properties::{
        CodePointSetData,
        props::{BidiControl, DefaultIgnorableCodePoint},
    };

    #[test]
    fn in_03_the_lists_are_those_of_unicode() {
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        let bidi = CodePointSetData::new::<BidiControl>();
        for c in '\0'..=char::MAX {
            // The marks around annotations are not ignorable, and show nothing all the same.
            let more = matches!(c, '\u{2800}' | '\u{FFF9}'..='\u{FFFB}');
            assert_eq!(is_invisible(c), ignorable.contains(c) || more, "{c:?}");
            assert_eq!(is_bidi_control(c), bidi.contains(c), "{c:?}");
        }
    }
}
