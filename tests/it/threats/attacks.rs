//! Attacks, what they are, and which tests show that they fail.

/// Number, what is tried, and the tests.
pub const ATTACKS: &[(&str, &str, &[&str])] = &[
    (
        "T1",
        "guesses at one code, one by one or all at once",
        &[
            "signin::races::of_a_hundred_guesses_at_once_five_are_evaluated_and_then_the_right_code_is_refused",
            "signin::checking::the_sixth_guess_is_refused_and_so_is_the_right_code_after_five_wrong",
            "storage::auth::a_code_has_exactly_five_guesses_however_many_come_at_once",
            "signin::guessing::five_guesses_hit_a_code_no_oftener_than_chance_has_it",
        ],
    ),
    (
        "T2",
        "guesses across many codes or many numbers",
        &[
            "signin::guessing::codes_are_longer_from_ten_misses_on_and_a_success_changes_nothing",
            "signin::guessing::after_a_hundred_misses_strangers_wait_a_day_and_known_clients_do_not",
            "signin::guessing::each_further_hundred_misses_pauses_again_even_when_the_first_are_forgotten",
            "signin::limits::the_eleventh_in_a_day_is_refused",
            "signin::checking::the_thirty_first_check_in_five_minutes_from_the_address_is_refused",
            "signin::trail::a_refused_guess_is_noted_for_known_and_unknown_numbers",
            "signin::trail::events_are_counted_by_kind",
        ],
    ),
    (
        "T3",
        "a restart, a kill or another node that forgets the guesses so far",
        &[
            "signin::races::guesses_survive_a_restart",
            "signin::races::a_killed_process_leaves_a_code_the_one_guess_it_had",
            "signin::races::guesses_on_two_nodes_count_together",
        ],
    ),
    (
        "T4",
        "one code used twice, or by many at once",
        &[
            "signin::races::of_many_right_answers_at_once_one_begins_a_session",
            "signin::races::the_right_code_in_parallel_is_accepted_once_and_refused_as_wrong_otherwise",
            "signin::checking::the_right_code_works_once",
            "storage::sessions::codes_of_a_number_used_at_once_open_one_session",
        ],
    ),
    (
        "T5",
        "a code read where it should not be: an answer, the log, the database, a job",
        &[
            "signin::secrecy::a_leaked_database_holds_no_code_and_no_token",
            "signin::logs::the_log_is_json_lines_without_secrets_or_what_people_wrote",
            "signin::logs::a_code_delivered_by_the_log_stands_in_one_event_with_two_digits_of_the_number",
            "sms::secrecy::no_code_stands_in_the_database_before_or_after_it_is_sent",
            "sms::secrecy::the_log_shows_neither_code_nor_number_nor_token",
            "sms::way::every_answer_is_the_same_whatever_the_carrier_does",
            "config::demo_parts::demo_parts_are_refused_off_loopback_unless_they_are_named",
        ],
    ),
    (
        "T6",
        "a code foretold",
        &[
            "src::domain::otp::every_digit_comes_as_often_as_any_other_at_every_place",
            "src::domain::otp::neighbouring_digits_do_not_know_of_each_other",
        ],
    ),
    (
        "T7",
        "a code used for another purpose, number or request",
        &[
            "signin::checking::a_code_for_another_purpose_does_not_sign_in_and_its_guess_is_counted",
            "signin::checking::wrong_expired_used_replaced_and_unknown_codes_get_one_answer",
            "passwords::resetting::a_code_for_another_purpose_is_refused_and_its_guess_is_counted",
            "storage::auth::a_code_can_be_guessed_for_its_number_purpose_and_time_only",
        ],
    ),
    (
        "T8",
        "texts sent for the money in them, or to plague somebody",
        &[
            "sms::pumping::every_cap_holds_and_a_country_that_pays_nothing_back_pauses",
            "sms::countries::a_country_that_is_not_listed_is_refused_by_the_number_alone",
            "sms::countries::no_country_is_the_switch_that_stops_all_texts",
            "sms::countries::a_country_whose_codes_do_not_come_back_pauses_for_half_an_hour",
            "signin::limits::again_within_a_minute_waits_and_the_old_code_stays_good",
            "signin::limits::the_sixth_in_an_hour_is_refused",
            "signin::limits::the_twenty_first_from_the_address_is_refused",
            "signin::limits::the_fifty_first_to_a_block_of_numbers_is_refused",
            "signin::limits::the_cap_for_everybody_holds_for_numbers_never_seen_before",
            "signin::limits::caps_hold_for_codes_asked_for_at_once",
        ],
    ),
    (
        "T9",
        "an owner locked out by a stranger who wastes guesses or sends",
        &[
            "signin::checking::a_stranger_wastes_guesses_of_his_own_challenge_alone",
            "signin::limits::a_stranger_who_uses_up_the_codes_leaves_the_owner_a_reserve",
            "signin::guessing::a_pause_of_codes_leaves_password_and_session_as_ways_in",
        ],
    ),
    (
        "T10",
        "finding out who has an account, by the answer or the time it takes",
        &[
            "signin::secrecy::known_and_unknown_numbers_get_the_same_answers",
            "signin::secrecy::known_and_unknown_numbers_take_the_same_time",
            "passwords::secrecy::answers_do_not_tell_who_has_an_account_or_a_password",
            "passwords::secrecy::the_time_does_not_tell_who_has_an_account_or_a_password",
            "passwords::resetting::known_and_unknown_numbers_forget_alike_and_share_the_limits_of_codes",
            "passwords::limits::numbers_without_an_account_are_limited_alike",
            "sms::secrecy::known_and_unknown_numbers_are_treated_alike",
        ],
    ),
    (
        "T11",
        "limits dodged by other spellings of a number or claims of another address",
        &[
            "signin::dodging::no_spelling_of_a_number_member_or_path_buys_another_code",
            "signin::dodging::no_claim_of_another_address_buys_another_code",
            "signin::dodging::no_claim_of_another_address_buys_another_guess",
            "signin::dodging::behind_a_proxy_a_caller_is_the_last_address_that_no_proxy_of_ours_wrote",
            "passwords::limits::an_address_is_counted_by_its_network_and_kept_under_a_keyed_name",
            "src::http::visitor::a_forwarded_address_counts_only_behind_a_trusted_proxy",
        ],
    ),
    (
        "T12",
        "the store of the counts is away, and nothing is counted",
        &[
            "operator::a_server_whose_database_is_gone_lives_but_is_not_ready",
            "passwords::limits::misses_survive_a_restart",
            "config::sqlite_with_redis_is_refused_and_postgres_without_it_says_that_it_is_one_process",
            "scaled::limits::a_process_without_redis_limits_by_itself",
            "scaled::limits::messages_of_a_minute_count_at_all_processes_together",
        ],
    ),
    (
        "T13",
        "a stolen or recycled number, a code given to a false page",
        &[
            "src::domain::otp_text::the_host_is_left_out_where_it_does_not_fit",
            "sms::way::a_code_comes_to_the_phone_and_signs_in",
            "passwords::changing::a_session_by_code_is_proof_for_five_minutes",
        ],
    ),
    (
        "T14",
        "passwords tried from lists, on one account or many",
        &[
            "passwords::limits::after_ten_misses_in_fifteen_minutes_the_right_password_is_refused_too",
            "passwords::limits::the_delay_of_a_number_doubles_up_to_an_hour_and_is_forgotten_in_a_day",
            "passwords::limits::the_fifteen_minutes_slide",
            "passwords::races::of_thirty_wrong_passwords_at_once_ten_are_looked_at",
            "src::domain::password::a_hundred_passwords_that_everybody_knows_are_refused",
            "src::domain::password::what_only_looks_different_from_a_common_one_is_refused",
        ],
    ),
    (
        "T15",
        "log-ins that use up the processors or the memory",
        &[
            "passwords::flood::beyond_the_queue_passwords_are_refused_at_once_and_the_rest_is_served",
            "passwords::flood::of_a_hundred_at_once_each_is_answered_and_reads_go_on",
            "passwords::flood::a_flood_of_sign_ins_takes_neither_the_time_nor_the_memory_of_the_rest",
            "passwords::login::an_empty_or_huge_password_is_refused_before_it_is_counted_or_hashed",
            "src::live::hasher::beyond_the_queue_it_is_refused_at_once_and_a_place_that_is_left_is_free",
        ],
    ),
    (
        "T16",
        "a password that is cut short or altered on its way to the hash",
        &[
            "passwords::login::a_password_is_compared_byte_for_byte",
            "passwords::changing::a_password_holds_128_characters_of_four_bytes_each",
            "passwords::secrecy::a_password_is_kept_as_argon2id_with_a_salt_of_its_own",
        ],
    ),
    (
        "T17",
        "an account taken over by a stolen token and a new password",
        &[
            "passwords::changing::a_session_by_code_is_proof_for_five_minutes",
            "passwords::changing::a_session_by_password_is_no_proof_of_the_password",
            "passwords::changing::a_wrong_current_password_is_counted_and_after_ten_the_right_one_is_refused",
            "passwords::changing::the_other_sessions_end_at_once",
        ],
    ),
    (
        "T18",
        "access that outlives its session, its password or its plan",
        &[
            "signin::sign_out::no_request_begun_after_the_answer_succeeds",
            "signin::sign_out::no_request_begun_after_the_end_of_a_device_or_a_copied_token_succeeds",
            "signin::sign_out::another_node_refuses_within_a_second",
            "rights::closing::every_session_ends_with_the_answer",
            "passwords::resetting::a_code_sets_a_new_password_and_ends_all_sessions",
            "passwords::races::a_sign_in_that_races_a_reset_leaves_no_session_by_the_old_password",
            "billing::webhook::a_plan_is_seen_within_fifty_milliseconds_of_its_event",
            "scaled::notes::a_session_that_ends_at_one_process_has_ended_at_all_within_a_second",
            "streams::opening::a_stream_ends_soon_after_its_session_and_says_so",
        ],
    ),
    (
        "T19",
        "a stolen refresh token used beside its owner",
        &[
            "signin::refreshing::reuse_ends_that_session_at_once_and_no_other",
            "signin::refreshing::once_the_successor_is_used_the_token_before_it_ends_the_session",
            "signin::refreshing::a_token_that_comes_again_within_the_grace_gets_the_same_successor",
            "signin::refreshing::a_leaked_database_gives_nobody_a_token",
            "signin::refresh_races::every_late_copy_ends_its_session_however_many_come_at_once",
            "signin::refresh_races::of_many_rotations_of_one_token_the_store_takes_one",
            "crash::refreshes::after_a_kill_every_client_goes_on_with_the_token_it_has",
        ],
    ),
    (
        "T20",
        "a token made by tricks of its head",
        &[
            "signin::forging::no_forged_token_opens_any_protected_operation",
            "src::domain::token::any_other_head_is_refused_even_when_the_signature_is_right",
        ],
    ),
    (
        "T21",
        "a token whose claims are missing or of another type",
        &[
            "signin::forging::no_forged_token_opens_any_protected_operation",
            "src::domain::token::every_claim_is_required_and_has_one_type",
            "src::domain::token::a_clock_that_is_behind_by_half_a_minute_is_forgiven",
        ],
    ),
    (
        "T22",
        "a signing key that can be guessed, found or read",
        &[
            "signin::starting::weak_settings_end_the_start_with_the_name_and_without_the_value",
            "signin::starting::fresh_keys_differ_and_every_file_is_private",
            "config::signing_keys::weak_signing_keys_are_refused_by_name_and_never_shown",
            "config::signing_keys::two_keys_rotate_and_other_algorithms_are_refused",
            "src::domain::token::a_former_key_is_accepted_while_it_is_in_the_ring",
        ],
    ),
    (
        "T23",
        "a second door: another header, the query, a cookie, another method, an older path",
        &[
            "signin::forging::no_forged_token_opens_any_protected_operation",
            "signin::forging::the_operations_without_a_token_are_those_that_anybody_may_ask",
            "signin::logs::the_log_is_json_lines_without_secrets_or_what_people_wrote",
            "api::paths::a_header_does_not_change_the_method",
            "api::aliases::nobody_comes_in_under_an_older_name_without_a_token",
            "api::aliases::the_room_of_another_is_not_there_under_an_older_name_either",
        ],
    ),
    (
        "T24",
        "another site's page that acts with its visitor's credentials",
        &[
            "signin::headers::every_answer_has_the_headers_of_the_contract",
            "signin::refreshing::whatever_is_no_good_token_is_refused_in_one_way",
            "api::paths::without_listed_origins_no_page_of_another_site_may_call",
            "api::paths::only_a_listed_origin_may_call_and_is_compared_exactly",
            "api::bodies::only_json_in_utf8_without_a_coding_is_taken",
        ],
    ),
    (
        "T26",
        "listening to somebody else's stream, or having it told again",
        &[
            "streams::opening::a_stream_is_its_owners_and_only_as_a_stream",
            "streams::opening::a_place_that_cannot_be_read_is_answered_with_the_whole_text",
            "streams::stopping::only_ones_own_replies_can_be_stopped",
            "src::live::rooms::a_room_is_heard_by_its_owner_alone_and_only_while_watched",
            "src::live::redis::room_message::a_channel_names_owner_and_room",
        ],
    ),
    (
        "T29",
        "a cache that gives away what is another's",
        &[
            "scaled::lists::a_list_that_stands_under_somebody_elses_name_is_not_believed",
            "src::live::cache::a_page_is_given_to_its_owner_alone",
            "src::live::shared_rooms::a_page_is_believed_under_its_own_ticket_alone",
        ],
    ),
    (
        "T36",
        "text of the model that would carry what was said out, by an image or a link",
        &[
            "browser::inert::five_hundred_hostile_replies_and_names_stay_words",
            "browser::inert::hostile_replies_stay_words_while_they_grow",
            "markdown::reading::a_link_leads_to_a_page_or_a_mailbox_and_an_image_is_one",
        ],
    ),
    (
        "T37",
        "a script in a name, a message or a reply",
        &[
            "page::no_file_of_the_page_turns_text_into_markup_or_code_or_is_long",
            "docs::each_page_is_bound_by_exactly_its_policy",
            "docs::no_page_has_a_script_of_its_own_or_loads_from_another_host",
            "browser::inert::five_hundred_hostile_replies_and_names_stay_words",
            "browser::inert::the_same_texts_as_markup_would_run_and_call",
            "hostile::no_hostile_reply_becomes_more_than_words_and_links_to_pages",
            "hostile::the_server_answers_every_hostile_reply_with_kinds_it_names",
            "src::domain::markdown::links::nothing_else_is_a_link",
        ],
    ),
    (
        "T41",
        "a payment event that nobody signed",
        &[
            "billing::webhook::forty_forgeries_are_refused_and_leave_nothing",
            "billing::webhook::without_a_secret_nothing_is_taken_and_nothing_is_sold",
            "flows::webhooks::what_is_not_signed_is_refused_at_every_door_and_leaves_nothing",
            "stripe::signatures::one_changed_byte_anywhere_is_noticed",
            "stripe::signatures::without_a_secret_nothing_is_believed",
        ],
    ),
    (
        "T42",
        "payment events that come again, late, or in another order",
        &[
            "billing::webhook::an_event_is_taken_once_however_often_and_at_once_it_comes",
            "billing::webhook::the_event_itself_is_not_believed_only_the_provider",
            "billing::histories::random_lives_end_on_the_plan_of_the_provider_on_sqlite",
            "billing::histories::random_lives_end_on_the_plan_of_the_provider_on_postgres",
            "billing::crash::no_answered_event_is_lost_when_the_process_is_killed_on_sqlite",
            "billing::crash::no_answered_event_is_lost_when_the_process_is_killed_on_postgres",
            "stripe::signatures::the_time_is_the_same_both_ways",
        ],
    ),
    (
        "T43",
        "payment events that never come",
        &[
            "billing::lost::a_day_without_a_server_is_made_good_by_one_pass",
            "billing::lost::the_comparison_is_made_every_hour_and_counts_what_it_corrects",
            "billing::buying::who_comes_back_from_the_page_is_looked_at_before_any_event",
            "billing::managing::a_sync_reads_now",
        ],
    ),
    (
        "T44",
        "paying for one account and having another, another price, or play money",
        &[
            "billing::managing::a_foreign_price_and_another_mode_give_no_plan",
            "billing::webhook::what_is_not_for_us_is_kept_and_changes_nothing",
            "billing::lost::an_announced_end_comes_without_an_event",
            "stripe::rules::a_foreign_price_never_counts",
            "stripe::rules::play_money_and_real_money_never_mix",
        ],
    ),
    (
        "T45",
        "a client that names its own price or the addresses to come back to",
        &[
            "billing::buying::nothing_of_a_purchase_comes_from_the_request",
            "api::owners::members_that_are_not_the_callers_to_set_are_refused_everywhere",
        ],
    ),
    (
        "T46",
        "heads that come slowly or never",
        &[
            "transport::deadlines::a_silent_connection_is_closed_at_the_deadline_of_the_head",
            "transport::deadlines::a_slow_head_is_closed_at_its_deadline_however_busily_it_comes",
            "transport::deadlines::a_slow_second_head_is_closed_at_its_own_deadline",
            "transport::deadlines::an_idle_connection_serves_again_within_its_limit_and_is_closed_after",
            "transport::deadlines::the_deadlines_and_caps_are_the_promised_ones",
        ],
    ),
    (
        "T47",
        "bodies sent slowly, answers read slowly",
        &[
            "api::bodies::a_body_that_stalls_or_drips_is_told_so_in_time",
            "transport::deadlines::a_peer_that_does_not_read_is_cut",
            "transport::deadlines::a_peer_that_reads_slowly_and_steadily_is_not_cut",
            "src::live::rooms::who_is_too_slow_is_told_to_look",
        ],
    ),
    (
        "T48",
        "more connections than there is room for",
        &[
            "transport::caps::the_201st_connection_of_one_address_is_refused_while_another_address_is_served",
            "transport::caps::a_full_house_says_so_and_when_to_come_back",
            "transport::caps::the_server_survives_having_no_descriptors_left",
            "streams::opening::a_user_has_eight_streams_and_a_ninth_when_one_has_ended",
        ],
    ),
    (
        "T49",
        "heads, targets, bodies, depths or lists of members that are too large, or packed",
        &[
            "transport::heads::a_head_may_have_16_kib_and_not_a_byte_more",
            "transport::heads::a_head_may_have_100_fields",
            "transport::heads::a_target_may_have_8_kib",
            "transport::heads::a_head_that_never_ends_is_refused_at_its_limit",
            "api::bodies::a_body_over_its_limit_is_refused_and_the_connection_closed",
            "api::bodies::what_is_not_one_sound_json_value_is_refused_without_an_echo",
            "api::bodies::every_wrong_member_is_pointed_at_and_at_most_twenty",
            "api::bodies::only_json_in_utf8_without_a_coding_is_taken",
            "billing::webhook::a_body_may_have_half_a_mebibyte_and_not_a_byte_more",
        ],
    ),
    (
        "T50",
        "a request that two readers take for different ones",
        &[
            "transport::heads::ambiguous_framing_is_refused_and_the_connection_closed",
            "transport::heads::bad_lines_are_refused_and_the_connection_closed",
            "transport::heads::a_body_is_never_read_as_a_request",
            "transport::heads::a_body_in_malformed_chunks_reaches_nobody_and_closes",
            "src::serve::agreement::the_parser_reads_what_the_gate_read_whatever_the_split",
        ],
    ),
    (
        "T51",
        "floods by the means of HTTP/2",
        &[
            "transport::heads::bad_lines_are_refused_and_the_connection_closed",
            "transport::heads::a_wish_for_http_2_is_answered_in_http_1",
        ],
    ),
    (
        "T52",
        "input that ends the process",
        &[
            "api::document::a_handler_that_panics_harms_nobody_else",
            "jobs::retries::a_job_that_panics_three_times_is_given_up_and_harms_nobody",
            "jobs::deaths::a_job_that_took_ten_processes_with_it_is_given_up",
            "gemini::stream::no_bytes_in_any_pieces_make_the_reader_panic_or_change_its_mind",
            "stripe::events::what_is_no_event_is_refused_and_never_panics",
        ],
    ),
    (
        "T53",
        "text that the store can't hold",
        &[
            "api::messages::text_of_any_script_and_any_syntax_comes_back_as_it_was_sent",
            "api::messages::what_is_refused_leaves_nothing_and_uses_nothing",
            "api::messages::the_longest_message_is_taken_under_each_of_its_names",
            "src::domain::text::a_message_may_have_lines_but_no_other_controls",
            "gemini::stream::a_character_that_no_database_can_hold_is_replaced",
        ],
    ),
    (
        "T54",
        "SQL in what is sent",
        &[
            "house::sql_is_never_put_together_from_values",
            "house::only_storage_knows_sql",
            "api::messages::text_of_any_script_and_any_syntax_comes_back_as_it_was_sent",
        ],
    ),
    (
        "T55",
        "pages of others that read, frame or guess at what is answered",
        &[
            "signin::headers::every_answer_has_the_headers_of_the_contract",
            "signin::headers::a_public_address_with_tls_is_insisted_on",
            "api::paths::every_answer_carries_the_headers_that_guard_it",
            "api::paths::only_a_listed_origin_may_call_and_is_compared_exactly",
            "docs::each_page_is_bound_by_exactly_its_policy",
        ],
    ),
    (
        "T56",
        "a foreign name that points at us",
        &[
            "api::paths::only_listed_hosts_are_served_and_health_to_all",
            "src::config::listen::loopback_names_the_public_host_and_listed_ones_are_answered",
        ],
    ),
    (
        "T57",
        "odd methods, paths and queries",
        &[
            "api::paths::another_method_on_a_known_path_is_told_the_real_ones",
            "api::paths::a_path_that_is_not_ours_is_not_found_before_any_token",
            "api::order::a_query_knows_each_key_once",
            "transport::heads::odd_methods_get_an_answer_and_no_panic",
        ],
    ),
    (
        "T58",
        "what is for the operator, found by the public",
        &[
            "operator::metrics_stand_on_a_listener_of_their_own_and_there_alone",
            "docs::the_documentation_can_be_switched_off",
            "signin::headers::every_answer_has_the_headers_of_the_contract",
            "src::config::listen::metrics_are_apart_and_can_be_off",
        ],
    ),
];

/// Parts of an attack's defence that do not stand yet, or that there is nothing to defend of.
pub const NOT_BUILT: &[(&str, &str)] = &[
    ("T13", "A password is not asked for beside the code, and nobody is told of a new log-in by text."),
    ("T17", "The phone is not told of a new password; the account's other sessions end and the trail notes it."),
    ("T24", "No cookie is set or read anywhere, so there is none to guard: no answer carries Set-Cookie."),
    ("T48", "Eight streams of a user are counted in each process, not over all of them."),
    ("T51", "HTTP/2 is not spoken at all, so it has no limits."),
];
