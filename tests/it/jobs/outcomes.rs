//! What becomes of a reply, for each thing that a model may do.

use pollux::domain::chat::REPLY_TOKENS;
use pollux::providers::model::ModelFault;
use pollux::providers::model_demo::DemoAct;
use pollux::storage::{Sql, Write};

use super::{asked, rows, waiting_jobs};
use crate::harness::on_both_engines;
use crate::jobs::Asked;

on_both_engines! {
    async fn a_whole_answer_is_kept_with_its_model_and_its_tokens(app) {
        static TOKENS: Sql = Sql::new("select prompt_tokens, reply_tokens from usage");
        let asked = asked(&app).await;
        app.run_jobs().await;
        let reply = asked.reply().await;
        assert_eq!((&reply["status"], &reply["outcome"]), (&"complete".into(), &"completed".into()));
        assert_eq!((&reply["model"], &reply["attempt"]), (&"demo".into(), &1.into()));
        let tokens: Vec<(i64, i64)> = rows(&app.house.app.db, &TOKENS, vec![]).await;
        assert!(tokens[0].0 > 0 && tokens[0].1 > 0);
        assert_eq!(reply["usage"]["prompt_tokens"], tokens[0].0);
        assert_eq!(reply["usage"]["reply_tokens"], tokens[0].1);
        assert_eq!((asked.user.used().await, waiting_jobs(&app).await), (1, 0));
    }

    async fn an_answer_that_was_cut_off_is_kept_and_says_so(app) {
        app.model.then(DemoAct::Truncate { after_words: 3 });
        let asked = asked(&app).await;
        app.run_jobs().await;
        let reply = asked.reply().await;
        assert_eq!((&reply["status"], &reply["outcome"]), (&"complete".into(), &"truncated".into()));
        assert_eq!(reply["content"], "You said: \"Why ");
        assert_eq!(asked.user.used().await, 1);
    }

    async fn what_is_withheld_or_blocked_leaves_no_text_and_keeps_its_unit(app) {
        let acts = [DemoAct::Withhold { after_words: 4 }, DemoAct::BlockPrompt];
        for (act, error) in acts.into_iter().zip(["answer_withheld", "prompt_blocked"]) {
            app.model.then(act);
            let asked = asked(&app).await;
            app.run_jobs().await;
            let reply = asked.reply().await;
            assert_eq!((&reply["status"], &reply["outcome"]), (&"complete".into(), &"blocked".into()));
            assert_eq!((&reply["error"], &reply["content"]), (&error.into(), &"".into()));
            assert_eq!(asked.user.used().await, 1);
        }
    }

    async fn a_model_with_nothing_to_say_is_asked_three_times(app) {
        app.model.otherwise(DemoAct::Empty);
        let asked = asked(&app).await;
        for _ in 0..4 {
            app.run_jobs().await;
            app.advance(std::time::Duration::from_mins(1));
        }
        asked.has_failed("model_empty_answer").await;
        assert_eq!(asked.reply().await["outcome"], "empty");
        assert_eq!(app.model.calls(), 3);
    }

    async fn a_model_without_room_is_asked_once_more_with_a_larger_limit(app) {
        for succeeds in [true, false] {
            app.model.fail_times(if succeeds { 1 } else { 2 }, ModelFault::NoRoom);
            let asked = asked(&app).await;
            app.run_jobs().await;
            app.advance(std::time::Duration::from_secs(2));
            app.run_jobs().await;
            let limits: Vec<u32> = app.model.prompts().iter().rev().take(2).map(|prompt| prompt.max_output_tokens).collect();
            assert_eq!(limits, [REPLY_TOKENS * 4, REPLY_TOKENS]);
            if succeeds {
                assert_eq!(asked.reply().await["outcome"], "completed");
            } else {
                asked.has_failed("no_room_for_answer").await;
            }
        }
        assert_eq!(app.model.calls(), 4);
    }

    async fn a_try_for_another_fault_does_not_use_up_the_larger_limit_or_the_second_look(app) {
        for fault in [ModelFault::NoRoom, ModelFault::Empty] {
            app.model.fail_times(2, ModelFault::Away);
            app.model.fail_times(1, fault);
            let asked = asked(&app).await;
            for _ in 0..4 {
                app.run_jobs().await;
                app.advance(std::time::Duration::from_secs(10));
            }
            assert_eq!(asked.reply().await["outcome"], "completed", "{fault}");
        }
    }

    async fn what_no_second_try_can_mend_is_final_at_once(app) {
        for fault in [ModelFault::Exhausted, ModelFault::Rejected, ModelFault::Misconfigured] {
            app.model.fail_times(1, fault);
            let (asked, calls) = (asked(&app).await, app.model.calls());
            app.run_jobs().await;
            asked.has_failed(fault.code()).await;
            assert_eq!(app.model.calls(), calls + 1);
        }
    }

    async fn a_dead_job_is_shown_to_the_operator(app) {
        app.model.fail_times(1, ModelFault::Rejected);
        let asked = asked(&app).await;
        app.run_jobs().await;
        let dead = app.house.app.db.dead_jobs(10).await.unwrap();
        assert_eq!(dead.len(), 1);
        assert_eq!((dead[0].kind.as_str(), dead[0].attempt), ("reply", 1));
        assert_eq!(dead[0].subject.to_string(), asked.reply);
        assert_eq!(dead[0].last_error.as_deref(), Some("model_rejected_request"));
    }

    async fn a_room_goes_on_after_a_reply_that_died(app) {
        app.model.fail_times(1, ModelFault::Rejected);
        let first = asked(&app).await;
        let second = Asked::within(&first.user, &first.room, "And the sea?").await;
        app.run_jobs().await;
        assert_eq!(first.reply().await["status"], "failed");
        assert_eq!(second.reply().await["outcome"], "completed");
    }

    async fn a_job_of_a_kind_that_a_newer_version_wrote_is_discarded(app) {
        static RENAMED: Sql = Sql::new("update jobs set kind = 'telepathy'");
        let _asked = asked(&app).await;
        app.house.app.db.write(Write::new().then(&RENAMED, vec![])).await.unwrap();
        app.run_jobs().await;
        assert_eq!((waiting_jobs(&app).await, app.model.calls()), (0, 0));
        assert!(app.house.app.db.dead_jobs(1).await.unwrap().is_empty());
    }

    async fn the_job_of_a_deleted_room_is_gone_with_it(app) {
        let asked = asked(&app).await;
        asked.user.delete(&format!("/chatroom/{}", asked.room)).await.expect(204);
        app.run_jobs().await;
        assert_eq!((waiting_jobs(&app).await, app.model.calls()), (0, 0));
    }
}
