//! Every recorded exchange, served byte for byte over HTTP to the real client. What is expected is written out.

use std::collections::BTreeSet;
use std::time::Duration;

use pollux::fakes::gemini::FakeGemini;
use pollux::providers::model::ModelFault::{Away, Empty, Exhausted, Misconfigured, NoRoom, Rejected, Slowed};
use pollux::providers::model::Verdict::{Complete, PromptBlocked, Truncated, Withheld};
use pollux::providers::model::{Ending, Model, ModelError, ModelFault, Usage, Verdict};
use pollux::providers::model_gemini::Gemini;

use super::{EXAMPLES, KEY, example, settings, told};

const FLASH: &str = "gemini-3.8-flash";
const LITE: &str = "gemini-3.5-flash-lite";

/// The text, the verdict, the tokens of prompt and reply, the model that answered.
async fn ends(name: &str, text: &str, verdict: Verdict, tokens: (u32, u32), model_version: &str) {
    let usage = Usage { prompt_tokens: tokens.0, reply_tokens: tokens.1 };
    let ending = Ending { verdict, usage, model_version: Some(model_version.to_owned()) };
    assert_eq!(told(example(name)).await, (text.to_owned(), Ok(ending)));
}

/// The text that came before, the kind of failure, when to come back, and the note for the log.
async fn fails(name: &str, text: &str, fault: ModelFault, retry_after: Option<Duration>, note: &str) {
    let (before, end) = told(example(name)).await;
    assert_eq!((before.as_str(), end), (text, Err(ModelError { fault, retry_after, note: note.to_owned() })));
}

macro_rules! exchanges {
    ($($name:ident $file:literal $check:ident($($expected:expr),+);)+) => {
        /// The exchanges that have a test below.
        const TESTED: &[&str] = &[$($file),+];
        $(#[tokio::test]
        async fn $name() {
            $check($file, $($expected),+).await;
        })+
    };
}

exchanges! {
    a_conversation_is_answered "01_generate__multi_turn" ends("Your name is Asha.", Complete, (31, 48), FLASH);
    a_picture_is_answered "02_generate__image_input" ends("A single pixel.", Complete, (266, 4), FLASH);
    thoughts_are_no_text_but_are_counted "03_generate__thought_summary"
        ends("Because air scatters blue light more than red light.", Complete, (6, 133), FLASH);
    parts_are_joined_without_a_separator "04_generate__two_parts_unicode"
        ends("नमस्ते 🌍 – ça va ?\n", Complete, (6, 9), FLASH);
    citations_do_no_harm "05_generate__citations" ends("Some quoted text.", Complete, (6, 4), FLASH);
    a_model_that_does_not_think "06_generate__lite_model" ends("Rayleigh scattering.", Complete, (6, 4), LITE);
    the_successor_that_answered_is_named "07_generate__routed_to_successor"
        ends("Rayleigh scattering.", Complete, (6, 4), LITE);
    a_prompt_is_blocked "08_blocked_prompt__safety" ends("", PromptBlocked, (6, 0), FLASH);
    a_prompt_is_prohibited "09_blocked_prompt__prohibited" ends("", PromptBlocked, (6, 0), FLASH);
    an_answer_is_withheld_for_safety "10_finish_safety__no_content" ends("", Withheld, (6, 0), FLASH);
    an_answer_is_withheld_as_recitation "11_finish_recitation" ends("", Withheld, (6, 0), FLASH);
    a_limit_cuts_the_answer "12_finish_max_tokens__partial"
        ends("The sky is blue because", Truncated, (6, 5), FLASH);
    a_limit_leaves_no_room "13_finish_max_tokens__no_text"
        fails("", NoRoom, None, "all 61 tokens went into thinking");
    a_continuation_is_an_answer_cut_off "14_finish_continuation"
        ends("A very long answer ...", Truncated, (6, 65_536), "gemini-4-argon");
    an_unknown_reason_is_an_answer_cut_off "15_finish_unknown_value" ends("Partial", Truncated, (6, 1), FLASH);
    no_candidates_are_empty "16_empty__no_candidates" fails("", Empty, None, "no candidates and no reason");
    a_list_without_candidates_is_empty "17_empty__candidates_empty_list"
        fails("", Empty, None, "no candidates and no reason");
    a_stop_without_parts_is_empty "18_empty__stop_without_parts" fails("", Empty, None, "finished STOP without text");
    a_stop_with_an_empty_text_is_empty "19_empty__stop_empty_text"
        fails("", Empty, None, "finished STOP without text");
    a_part_that_is_no_text_is_empty "20_odd__non_text_part_only" fails("", Empty, None, "finished STOP without text");
    another_reason_without_text_is_empty "21_odd__finish_other_no_content"
        fails("", Empty, None, "finished OTHER without text");
    a_stream_is_joined_and_its_last_usage_wins "22_stream__normal"
        ends("Your name is Asha.", Complete, (31, 47), FLASH);
    a_stream_with_bare_line_feeds_and_comments "23_stream__lf_only_and_comments"
        ends("One two", Complete, (31, 2), FLASH);
    a_stream_thinks_before_it_speaks "24_stream__thoughts_then_text" ends("Asha.", Complete, (31, 44), FLASH);
    a_stream_says_that_the_prompt_is_blocked "25_stream__blocked_prompt" ends("", PromptBlocked, (6, 0), FLASH);
    a_stream_is_withheld_midway "26_stream__safety_midway" ends("First half ", Withheld, (6, 3), FLASH);
    a_stream_is_cut_at_the_limit "27_stream__max_tokens" ends("The sky is blue because", Truncated, (6, 5), FLASH);
    a_bare_error_after_a_stream_is_an_error "28_stream__error_tail_raw_json"
        fails("The sky ", Away, None, "status 503 UNAVAILABLE");
    an_error_as_an_event_is_an_error "29_stream__error_event"
        fails("The sky ", Slowed, None, "status 429 RESOURCE_EXHAUSTED");
    a_stream_without_a_reason_to_finish_was_cut "30_stream__cut_without_finish"
        fails("The sky is ", Away, None, "the answer ended without a reason to finish");
    a_stream_cut_inside_an_event_was_cut "31_stream__cut_inside_event"
        fails("The sky ", Away, None, "there is more after the last event");
    an_empty_body_was_cut "32_stream__empty_body"
        fails("", Away, None, "the answer ended without a reason to finish");
    a_json_list_is_read_as_a_stream "33_stream_without_sse__array"
        ends("The sky is blue.", Complete, (6, 4), FLASH);
    a_bad_key_needs_the_operator "34_error_400__bad_key"
        fails("", Misconfigured, None, "status 400 INVALID_ARGUMENT API_KEY_INVALID");
    no_key_needs_the_operator "35_error_403__no_key" fails("", Misconfigured, None, "status 403 PERMISSION_DENIED");
    a_leaked_key_needs_the_operator "36_error_403__key_leaked"
        fails("", Misconfigured, None, "status 403 PERMISSION_DENIED");
    an_unknown_field_is_our_fault "37_error_400__unknown_field"
        fails("", Rejected, None, "status 400 INVALID_ARGUMENT");
    missing_contents_are_our_fault "38_error_400__no_contents"
        fails("", Rejected, None, "status 400 INVALID_ARGUMENT");
    an_empty_part_is_our_fault "39_error_400__empty_part" fails("", Rejected, None, "status 400 INVALID_ARGUMENT");
    a_last_model_turn_is_our_fault "40_error_400__ends_with_model_turn"
        fails("", Rejected, None, "status 400 INVALID_ARGUMENT");
    several_candidates_are_our_fault "41_error_400__candidate_count"
        fails("", Rejected, None, "status 400 INVALID_ARGUMENT");
    a_country_not_served_needs_the_operator "42_error_400__location"
        fails("", Misconfigured, None, "status 400 FAILED_PRECONDITION");
    a_wrong_model_needs_the_operator "43_error_404__no_such_model"
        fails("", Misconfigured, None, "status 404 NOT_FOUND");
    a_closed_model_needs_the_operator "44_error_404__model_closed"
        fails("", Misconfigured, None, "status 404 NOT_FOUND");
    a_minutes_quota_says_when_to_come_back "45_error_429__per_minute"
        fails("", Slowed, Some(Duration::new(45, 837_906_927)), "status 429 RESOURCE_EXHAUSTED");
    a_minutes_tokens_say_when_to_come_back "46_error_429__per_minute_tokens"
        fails("", Slowed, Some(Duration::from_secs(47)), "status 429 RESOURCE_EXHAUSTED");
    a_days_quota_is_not_believed_its_short_delay "47_error_429__per_day"
        fails("", Exhausted, None, "status 429 RESOURCE_EXHAUSTED");
    a_limit_of_zero_is_not_waited_for "48_error_429__limit_zero"
        fails("", Exhausted, None, "status 429 RESOURCE_EXHAUSTED");
    a_bare_429_is_waited_for_with_our_own_delay "49_error_429__bare"
        fails("", Slowed, None, "status 429 RESOURCE_EXHAUSTED");
    an_internal_error_is_tried_again "50_error_500__internal" fails("", Away, None, "status 500 INTERNAL");
    an_overloaded_model_is_tried_again "51_error_503__overloaded" fails("", Away, None, "status 503 UNAVAILABLE");
    an_overload_before_the_stream_is_tried_again "52_error_503__stream_before_start"
        fails("", Away, None, "status 503 UNAVAILABLE");
    a_missed_deadline_is_tried_again "53_error_504__deadline" fails("", Away, None, "status 504 DEADLINE_EXCEEDED");
    an_error_in_a_list_is_read "54_error_429__array_form" fails("", Slowed, None, "status 429 RESOURCE_EXHAUSTED");
    a_proxys_page_is_tried_again "55_error_502__html" fails("", Away, None, "status 502");
    a_success_that_is_no_json_is_tried_again "56_error_200__not_json"
        fails("", Away, None, "the body is not the JSON we know");
    a_count_is_no_answer "57_count_tokens" fails("", Empty, None, "no candidates and no reason");
    a_list_of_models_is_no_description "58_list_models" probes(Err(Misconfigured));
    a_model_that_answers_is_recognised "59_get_model" probes(Ok(()));
}

async fn probes(name: &str, expected: Result<(), ModelFault>) {
    let server = FakeGemini::start().await.unwrap();
    server.fake.then(example(name));
    let probed = Gemini::new(settings(&server)).unwrap().probe(FLASH).await;
    assert_eq!(probed.map_err(|failure| failure.fault), expected);
    let calls = server.fake.calls();
    assert_eq!((calls[0].path.as_str(), calls[0].key.as_str()), ("/v1beta/models/gemini-3.8-flash", KEY));
}

#[test]
fn every_recorded_exchange_has_a_test() {
    let index = std::fs::read(format!("{EXAMPLES}/index.json")).unwrap();
    let index: Vec<serde_json::Value> = serde_json::from_slice(&index).unwrap();
    let recorded: BTreeSet<_> = index.iter().map(|entry| entry["file"].as_str().unwrap().to_owned()).collect();
    let tested: BTreeSet<_> = TESTED.iter().map(|name| format!("{name}.json")).collect();
    assert_eq!(recorded, tested);
    assert_eq!(recorded.len(), 59);
}
