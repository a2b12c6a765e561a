//! The set-up guide of login methods: the files of `docs/`, as a page of the product. It has no script and shows nothing of anybody's.

use super::answer;
use app::{
    domain::{language::Language, theme::Theme},
    error::AppError,
    i18n::{Locale, leptos_i18n, text},
    paths,
    request::Visitor,
};
use askama::Template;
use axum::{
    Extension,
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, html::push_html};

/// Our style sheet and our icons, and nothing else (BR-01).
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
);

/// `/guide/login-methods`, in the language of the visitor.
pub(super) async fn login_methods(Extension(visitor): Extension<Visitor>) -> Response {
    let (language, theme) = (visitor.language, visitor.theme);
    let page = Page {
        languages: &Language::ALL,
        path: paths::LOGIN_METHODS_GUIDE,
        ..Page::about(source(language), language, theme)
    };
    respond(page)
}

/// A page of a text in English, in a frame of this language.
pub(super) fn english_page(markdown: &str, language: Language, theme: Option<Theme>) -> Response {
    respond(Page::about(markdown, language, theme))
}

fn respond(page: Page) -> Response {
    match page.render() {
        Ok(html) => ([(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot render the guide");
            answer::error(&AppError::Unavailable)
        }
    }
}

#[derive(Template)]
#[template(path = "guide.html")]
struct Page {
    guide: Guide,
    product: &'static str,
    skip: &'static str,
    contents: &'static str,
    language: &'static str,
    theme: Option<Theme>,
    language_label: &'static str,
    languages: &'static [Language],
    path: &'static str,
}

impl Page {
    /// The page of this text, in one language.
    fn about(markdown: &str, language: Language, theme: Option<Theme>) -> Self {
        let locale = Locale::from(language);
        Self {
            guide: Guide::read(markdown),
            product: text!(locale, common.product),
            skip: text!(locale, common.skip_to_content),
            contents: text!(locale, common.contents),
            language: language.tag(),
            theme,
            language_label: text!(locale, common.language),
            languages: &[],
            path: "",
        }
    }
}

const fn source(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../../../docs/login-methods.md"),
        Language::De => include_str!("../../../docs/login-methods.de.md"),
    }
}

/// A heading, and the anchor by which links find it.
struct Heading {
    text: String,
    anchor: String,
}

/// A section with the parts below it.
struct Section {
    heading: Heading,
    parts: Vec<Heading>,
}

/// A text in Markdown, made ready for a page.
#[derive(Default)]
struct Guide {
    title: String,
    sections: Vec<Section>,
    html: String,
}

impl Guide {
    fn read(markdown: &str) -> Self {
        let mut guide = Self::default();
        let mut events = Vec::new();
        for (mut event, place) in Parser::new(markdown).into_offset_iter() {
            if let Event::Start(Tag::Heading { level, id, .. }) = &mut event {
                let heading = Heading::read(markdown.get(place).unwrap_or_default());
                *id = Some(heading.anchor.clone().into());
                guide.note(*level, heading);
            }
            // Markup in the text would be shown, never obeyed.
            if let Event::Html(html) | Event::InlineHtml(html) = &event {
                event = Event::Text(html.clone());
            }
            events.push(event);
        }
        push_html(&mut guide.html, events.into_iter());
        guide
    }

    fn note(&mut self, level: HeadingLevel, heading: Heading) {
        if level == HeadingLevel::H1 {
            self.title = heading.text;
        } else if level == HeadingLevel::H2 {
            self.sections.push(Section { heading, parts: Vec::new() });
        } else if let Some(section) = self.sections.last_mut() {
            section.parts.push(heading);
        }
    }
}

impl Heading {
    /// Reads a line such as ``### `grant` ``. The anchor is the one that code hosts make of it, so that links within the file work there too.
    fn read(line: &str) -> Self {
        let text = line.trim().trim_start_matches('#').trim().replace('`', "");
        let anchor = text
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        Self { text, anchor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::domain::oauth::{Fault, Preset};
    use std::collections::BTreeSet;

    fn anchors(guide: &Guide) -> Vec<&str> {
        let sections = guide.sections.iter();
        sections
            .flat_map(|section| [&section.heading].into_iter().chain(&section.parts))
            .map(|heading| heading.anchor.as_str())
            .collect()
    }

    #[test]
    fn every_provider_and_every_fault_has_its_section_in_every_language() {
        for language in Language::ALL {
            let guide = Guide::read(source(language));
            let found: BTreeSet<_> = anchors(&guide).into_iter().collect();
            let wanted = Preset::ALL.map(Preset::key).into_iter().chain(Fault::ALL.map(Fault::key));
            let missing: Vec<_> = wanted.filter(|key| !found.contains(key)).collect();
            assert!(missing.is_empty(), "{language:?} lacks {missing:?}");
        }
    }

    #[test]
    fn the_languages_have_the_same_sections() {
        let [one, other] = Language::ALL.map(|language| Guide::read(source(language)));
        let shape = |guide: &Guide| guide.sections.iter().map(|section| section.parts.len()).collect::<Vec<_>>();
        assert_eq!(shape(&one), shape(&other));
        assert_ne!(one.title, other.title);
    }

    #[test]
    fn every_anchor_is_there_once_and_every_link_within_leads_to_one() {
        for language in Language::ALL {
            let guide = Guide::read(source(language));
            let anchors = anchors(&guide);
            let distinct: BTreeSet<_> = anchors.iter().copied().collect();
            assert_eq!(anchors.len(), distinct.len(), "{language:?}");
            for event in Parser::new(source(language)) {
                if let Event::Start(Tag::Link { dest_url, .. }) = event {
                    let within = dest_url.strip_prefix('#');
                    assert!(within.is_none_or(|anchor| distinct.contains(anchor)), "{language:?}: {dest_url}");
                    assert!(within.is_some() || dest_url.starts_with("https://"), "{language:?}: {dest_url}");
                }
            }
        }
    }

    #[test]
    fn markup_in_the_text_is_shown_and_not_obeyed() {
        let guide = Guide::read("# T\n\n<script>alert(1)</script>\n\nand <b>this</b>, `<roster>`");
        assert!(!guide.html.contains("<script") && !guide.html.contains("<b>"), "{}", guide.html);
        assert!(
            guide.html.contains("&lt;b&gt;") && guide.html.contains("<code>&lt;roster&gt;</code>"),
            "{}",
            guide.html
        );
    }

    #[test]
    fn headings_have_the_anchors_of_code_hosts() {
        for (line, anchor) in [
            ("### `grant`\n", "grant"),
            ("## The form, field by field", "the-form-field-by-field"),
            ("## Für Betreiber", "für-betreiber"),
        ] {
            assert_eq!(Heading::read(line).anchor, anchor);
        }
    }
}
