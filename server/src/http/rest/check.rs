//! May this person do this? What a platform asks before it lets somebody do something.

use super::{
    authenticate::By,
    extract::{JsonBody, objects},
    problem::Problem,
};
use crate::{
    context::Services,
    service::{KeyUse, PermissionAnswer, PermissionQuestion, Person},
};
use app::domain::{email::Email, ids::MemberId, permission::PermissionKey};
use axum::{Extension, Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How many questions are asked at once.
const MAX_QUESTIONS: usize = 100;

/// May this person do this? Name the person by `member` or by `email`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The member.
    #[serde(default)]
    member: Option<Uuid>,
    /// The email address.
    #[serde(default)]
    #[schema(max_length = 254)]
    email: Option<String>,
    /// The key of the permission.
    #[schema(max_length = 100, examples("bots.read"))]
    permission: String,
}

/// Several questions.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Questions {
    /// The questions.
    #[serde(deserialize_with = "objects")]
    #[schema(min_items = 1, max_items = 100)]
    checks: Vec<Question>,
}

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckResult {
    /// May they?
    allowed: bool,
    /// Why not.
    reason: Option<WhyNot>,
    /// The member, if the account knows the person.
    member: Option<Uuid>,
}

/// Why somebody may not.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// The account does not know the person.
    Unknown,
    /// The person has no access: invited, suspended or removed.
    NotActive,
    /// The person's login method is switched off, so that they cannot get in.
    LoginMethodOff,
    /// The account requires a second factor, and the person has none.
    SecondFactorRequired,
    /// The person lacks the permission.
    Lacking,
}

/// The answers, in the order of the questions.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckResults {
    results: Vec<CheckResult>,
}

impl Question {
    fn read(self) -> Result<PermissionQuestion, Problem> {
        let person = match (self.member, self.email) {
            (Some(id), None) => Person::Member(MemberId(id)),
            (None, Some(email)) => match Email::parse(&email) {
                Ok(email) => Person::Email(email),
                Err(_) => return Err(Problem::of_field("/email", "not_an_email", "Not an email address.")),
            },
            (None, None) | (Some(_), Some(_)) => {
                return Err(Problem::of_field("/member", "required", "Name the person by member or by email."));
            }
        };
        Ok(PermissionQuestion { person, permission: PermissionKey::new(self.permission) })
    }
}

fn result_of(answer: PermissionAnswer) -> Result<CheckResult, Problem> {
    let (member, reason) = match answer {
        PermissionAnswer::Allowed(member) => (Some(member.0), None),
        PermissionAnswer::Lacking(member) => (Some(member.0), Some(WhyNot::Lacking)),
        PermissionAnswer::LoginMethodOff(member) => (Some(member.0), Some(WhyNot::LoginMethodOff)),
        PermissionAnswer::SecondFactorRequired(member) => (Some(member.0), Some(WhyNot::SecondFactorRequired)),
        PermissionAnswer::NotActive(member) => (Some(member.0), Some(WhyNot::NotActive)),
        PermissionAnswer::Unknown => (None, Some(WhyNot::Unknown)),
        PermissionAnswer::NoSuchPermission => {
            return Err(Problem::of_field("/permission", "not_offered", "There is no such permission."));
        }
    };
    Ok(CheckResult { allowed: reason.is_none(), reason, member })
}

/// Answers the questions, all of them or none; problems are named below what `pointer` makes of a question's place.
async fn answer(
    services: &Services,
    by: &KeyUse,
    questions: Vec<Question>,
    pointer: impl Fn(usize) -> String,
) -> Result<Vec<CheckResult>, Problem> {
    let read = |(n, question): (usize, Question)| question.read().map_err(|problem| problem.below(&pointer(n)));
    let questions: Vec<_> = questions.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    let answers = services.check_permissions(&by.caller, &questions).await?;
    let result = |(n, answer)| result_of(answer).map_err(|problem| problem.below(&pointer(n)));
    answers.into_iter().enumerate().map(result).collect()
}

/// May this person do this?
///
/// What Roster itself would say now: no to whoever has no access, could not get in because the login method is off or a required second factor
/// is missing, or lacks the permission. Needs `users.read`.
#[utoipa::path(post, path = "/check", operation_id = "check_permission", tag = "Check", request_body = Question,
    responses((status = 200, description = "The answer.", body = CheckResult)))]
pub(super) async fn one(
    State(services): State<Services>,
    Extension(by): By,
    JsonBody(question): JsonBody<Question>,
) -> Result<Json<CheckResult>, Problem> {
    let answers = answer(&services, &by, vec![question], |_| String::new()).await?;
    let unanswered = || Problem::new(super::problem::ProblemCode::Internal);
    answers.into_iter().next().map(Json).ok_or_else(unanswered)
}

/// May these people do these things?
///
/// All answers are from the same moment. Needs `users.read`.
#[utoipa::path(post, path = "/check/batch", operation_id = "check_permissions", tag = "Check", request_body = Questions,
    responses((status = 200, description = "The answers.", body = CheckResults)))]
pub(super) async fn several(
    State(services): State<Services>,
    Extension(by): By,
    JsonBody(questions): JsonBody<Questions>,
) -> Result<Json<CheckResults>, Problem> {
    let checks = questions.checks;
    if !(1..=MAX_QUESTIONS).contains(&checks.len()) {
        return Err(Problem::of_field("/checks", "not_between", format!("between 1 and {MAX_QUESTIONS} at once")));
    }
    let results = answer(&services, &by, checks, |n| format!("/checks/{n}")).await?;
    Ok(Json(CheckResults { results }))
}
