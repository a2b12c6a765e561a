//! Cursors of the Users list: a position in its order, sealed for the account and the view, so that the address shows neither names nor
//! times, and a cursor is valid only in the view where it was made.

use crate::{
    secrets::{Keyring, SealedFor},
    storage::{
        AccountScope,
        members::{Position, SortValue},
    },
};
use app::domain::{
    ids::MemberId,
    list::{Cursor, ListQuery, Sort},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const ID_BYTES: usize = 16;

/// The cursor of this position in this view of the account's list.
pub(in crate::service) fn seal(
    keyring: &Keyring,
    scope: AccountScope,
    query: &ListQuery,
    position: &Position,
) -> Option<Cursor> {
    let mut plain = position.id.0.as_bytes().to_vec();
    match &position.value {
        SortValue::Name(key) => plain.extend_from_slice(key),
        SortValue::Time(at) => plain.extend_from_slice(&at.to_be_bytes()),
        SortValue::Group { group, name } => {
            plain.push(u8::try_from(group.len()).ok()?);
            plain.extend_from_slice(group.as_bytes());
            plain.extend_from_slice(name);
        }
    }
    Cursor::new(URL_SAFE_NO_PAD.encode(keyring.seal(purpose(scope, query), &plain)))
}

/// The position that a cursor stands for; `None` if it was not made for this view of this account, or its key has retired.
pub(in crate::service) fn open(
    keyring: &Keyring,
    scope: AccountScope,
    query: &ListQuery,
    cursor: &Cursor,
) -> Option<Position> {
    let sealed = URL_SAFE_NO_PAD.decode(cursor.as_str()).ok()?;
    let plain = keyring.open(purpose(scope, query), &sealed).ok()?;
    let (id, value) = plain.split_first_chunk::<ID_BYTES>()?;
    let value = match query.sort {
        Sort::NameUp | Sort::NameDown => SortValue::Name(value.to_vec()),
        Sort::LastActiveUp | Sort::LastActiveDown | Sort::InvitedUp | Sort::InvitedDown => {
            SortValue::Time(i64::from_be_bytes(value.try_into().ok()?))
        }
        Sort::RoleUp | Sort::RoleDown | Sort::StatusUp | Sort::StatusDown => {
            let (length, value) = value.split_first()?;
            let (group, name) = value.split_at_checked(usize::from(*length))?;
            SortValue::Group { group: String::from_utf8(group.to_vec()).ok()?, name: name.to_vec() }
        }
    };
    Some(Position { value, id: MemberId(Uuid::from_bytes(*id)) })
}

fn purpose(scope: AccountScope, query: &ListQuery) -> SealedFor {
    let mut view = Sha256::new();
    for (name, value) in query.rows_and_order().to_url() {
        // With the lengths, so that no two views have the same text.
        view.update((value.len() as u64).to_be_bytes());
        view.update(name);
        view.update(value);
    }
    SealedFor::ListCursor { account: scope.id(), view: view.finalize().into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collation::MAX_SORT_KEY_BYTES;
    use app::domain::{ids::AccountId, list::StateFilter, member::ShownState};

    fn positions() -> [(Sort, Position); 4] {
        let id = MemberId(Uuid::from_u128(7));
        [
            (Sort::NameUp, Position { value: SortValue::Name(vec![9; MAX_SORT_KEY_BYTES]), id }),
            (Sort::NameDown, Position { value: SortValue::Name(Vec::new()), id }),
            (Sort::LastActiveDown, Position { value: SortValue::Time(1_777_885_200_000), id }),
            (
                Sort::RoleUp,
                Position { value: SortValue::Group { group: "r".repeat(100), name: vec![9; MAX_SORT_KEY_BYTES] }, id },
            ),
        ]
    }

    #[test]
    fn a_cursor_opens_in_its_view_of_its_account_alone_and_unchanged() {
        let (keyring, other) = (Keyring::new([7; 32]), Keyring::new([8; 32]));
        let scope = AccountScope::of_test(AccountId(Uuid::from_u128(1)));
        let elsewhere = AccountScope::of_test(AccountId(Uuid::from_u128(2)));
        for (sort, position) in positions() {
            let query = ListQuery { sort, search: "ana".to_owned(), ..ListQuery::default() };
            let cursor = seal(&keyring, scope, &query, &position).unwrap();
            let on_its_page = ListQuery { after: Some(cursor.clone()), compact: true, ..query.clone() };
            assert_eq!(open(&keyring, scope, &on_its_page, &cursor), Some(position));
            assert_eq!(open(&keyring, elsewhere, &query, &cursor), None);
            assert_eq!(open(&other, scope, &query, &cursor), None);
            for view in [
                ListQuery { search: "an".to_owned(), ..query.clone() },
                ListQuery { sort: Sort::InvitedDown, ..query.clone() },
                ListQuery { state: Some(StateFilter::In(ShownState::Active)), ..query.clone() },
                ListQuery { with_extras: true, ..query.clone() },
            ] {
                assert_eq!(open(&keyring, scope, &view, &cursor), None);
            }
            let text = cursor.as_str();
            for n in 0..text.len() {
                let changed =
                    format!("{}{}{}", &text[..n], if &text[n..=n] == "A" { "B" } else { "A" }, &text[n + 1..]);
                // The last character may hold unused bits; such a text is not canonical base64.
                assert_eq!(open(&keyring, scope, &query, &Cursor::new(changed).unwrap()), None, "character {n}");
            }
        }
    }
}
