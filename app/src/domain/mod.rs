//! The words of Roster as types, and the one policy. Pure: no I/O, no clock, no randomness.

pub mod access;
pub mod audit;
pub mod bulk;
pub mod csv_line;
pub mod edit;
pub mod email;
pub mod fields;
pub mod ids;
pub mod invitation;
pub mod language;
pub mod list;
pub mod member;
pub mod name;
pub mod oauth;
pub mod password;
pub mod pasted_people;
pub mod people_table;
pub mod permission;
pub mod policy;
pub mod role;
mod role_key;
pub mod second_factor;
mod text;
pub mod theme;
pub mod time;
pub mod time_zone;
pub mod user_event;
