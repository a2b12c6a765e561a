//! Answers decoded as the browser decodes them: from what the `JSON.parse` of the engine that runs it made of them.
#![cfg(target_arch = "wasm32")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect and stop at the first surprise"
)]

use app::{
    api::{
        accounts::{AccountLine, MyAccounts},
        joining::{InvitationView, Joined, Standing},
    },
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::AttemptId,
        name::Slug,
        role::{BuiltInRole, Grant},
        time::Timestamp,
    },
    error::{AppError, BadRequest},
    rpc::from_json,
};
use leptos::server_fn::{Bytes, error::FromServerFnError};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt::Debug};
use wasm_bindgen_test::wasm_bindgen_test;

/// What a server writes.
fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    assert_eq!(from_json::<T>(&written(&value)).as_ref(), Some(&value), "{}", written(&value));
    let whole: Result<T, AppError> = Ok(value);
    assert_eq!(from_json::<Result<T, AppError>>(&written(&whole)), Some(whole));
}

#[wasm_bindgen_test]
fn every_error_reads_as_the_server_wrote_it() {
    let errors = [
        AppError::Unauthenticated,
        AppError::WrongCredentials,
        AppError::ReauthenticationRequired,
        AppError::NotFound,
        AppError::NoLongerAMember { account: "Zoë & Söhne <b>\u{2028}".to_owned() },
        FieldErrors::one(Field::Email, Problem::Required).into(),
        AppError::ChangedMeanwhile { by: None, at: Timestamp(-1) },
        AppError::ChangedMeanwhile { by: Some("Ana".to_owned()), at: Timestamp(1_777_885_200_123) },
        AppError::OpenTheLinkAgain,
        AppError::RateLimited { retry_after_s: 9_007_199_254_740_991 },
        AppError::Unavailable,
        AppError::Internal { request_id: "019a".to_owned() },
        AppError::BadRequest(BadRequest::CrossOrigin),
        AppError::BadRequest(BadRequest::ForeignHost { address: "https://roster.example.org".to_owned() }),
        AppError::BadRequest(BadRequest::Intercepted { status: u16::MAX }),
        AppError::Transport,
    ];
    for error in errors {
        assert_eq!(AppError::de(Bytes::from(written(&error))), error);
        let answer: Result<String, AppError> = Err(error);
        assert_eq!(from_json(&written(&answer)), Some(answer));
    }
}

#[wasm_bindgen_test]
fn answers_of_every_shape_read_as_the_server_wrote_them() {
    comes_back(());
    comes_back("\u{0}\"\\\u{1F600}".to_owned());
    comes_back(vec![Some(true), None, Some(false)]);
    comes_back(BTreeMap::from([("__proto__".to_owned(), 1_u32), ("toString".to_owned(), 2)]));
    comes_back((0_u8, -1_i64, 1.5_f64));
    comes_back(Joined::In { slug: Slug::parse("acme").unwrap(), goes_on: None });
    comes_back(InvitationView::Unknown);
    comes_back(InvitationView::Withdrawn("Acme".to_owned()));
    comes_back(Standing::SignUp {
        email: "ben@example.org".to_owned(),
        name: String::new(),
        needs_code: false,
        or_sign_in: true,
        shortest_password: 15,
    });
    let attempt: AttemptId = "0192a4b0-7c1e-7d3a-9f00-000000000001".parse().unwrap();
    comes_back(Standing::FromProvider { method: "Acme SSO".to_owned(), attempt, name: None, needs_code: true });
    let line = |slug: &str, grant| AccountLine {
        slug: Slug::parse(slug).unwrap(),
        name: slug.to_owned(),
        grant,
        role_name: None,
    };
    comes_back(MyAccounts {
        invitations: 2,
        accounts: vec![line("acme", Grant::of(BuiltInRole::Owner)), line("beta", Grant::of(BuiltInRole::Viewer))],
        others: Vec::new(),
        may_open: true,
    });
}

#[wasm_bindgen_test]
fn numbers_are_read_exactly_or_not_at_all() {
    for exact in [i64::from(i32::MIN), -1, 0, 1, 9_007_199_254_740_991, -9_007_199_254_740_991] {
        assert_eq!(from_json::<Timestamp>(&exact.to_string()), Some(Timestamp(exact)));
    }
    for inexact in ["9007199254740993", "9223372036854775807", "-9223372036854775808", "1.5", "1e400", "\"1\""] {
        assert_eq!(from_json::<i64>(inexact), None, "{inexact}");
    }
    assert_eq!(from_json::<u8>("255"), Some(255));
    for too_large in ["256", "-1", "0.5"] {
        assert_eq!(from_json::<u8>(too_large), None, "{too_large}");
    }
}

#[wasm_bindgen_test]
fn what_cannot_be_decoded_is_none() {
    for broken in ["", "<html>", "{", "{\"Ok\":}", "{\"Err\":<html>}", "{\"Ok\":7}", "{\"Other\":\"/a\"}", "[]", "null"]
    {
        assert_eq!(from_json::<Result<String, AppError>>(broken), None, "{broken}");
    }
    assert_eq!(from_json::<Joined>("\"NoSuchVariant\""), None);
    assert_eq!(from_json::<bool>("1"), None);
    assert_eq!(AppError::de(Bytes::from_static(b"\xff")), AppError::BadRequest(BadRequest::Malformed));
}
