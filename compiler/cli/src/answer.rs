//! What a command gives back.

/// Text for people, JSON for tools.
pub(crate) struct Answer {
    pub text: String,
    pub json: serde_json::Value,
}
