//! What a store promises, case by case, on every backend.

mod assertion;
mod client;
mod code;
mod custody;
mod denial;
mod family;
mod instance;
mod key;
mod logout;
mod migrate;
mod outage;
mod registration;
mod request;
mod session;
mod throttle;
mod user;

use crate::support::database::on_every_backend;

on_every_backend! {
    assertion { cj_02_is_used_once, cj_02_one_of_64_at_once, cj_03_is_remembered_until_its_end }
    client { comes_back_as_it_was, every_change_moves_the_version, deleting_ends_what_it_had }
    user { comes_back_as_it_was, one_address_one_account, pages, password_change_ends_all_but_this_session,
        rehash_only_of_what_was_compared, disabling_ends_everything }
    session { comes_back_with_its_user, comes_back_with_what_its_user_has_allowed, of_a_disabled_user_is_not_begun, with_a_former_password_is_not_begun,
        logout_ends_codes_and_families, replaced_by_the_same_user_goes_on, replaced_by_another_user_ends,
        its_end_is_of_nothing_else, its_end_is_of_its_own_user, room_is_made_by_ones_own, ended_does_not_go_on, two_ends_of_a_session, touch_never_takes_time_away }
    request { comes_back_as_it_was, oldest_beyond_the_bound_goes, belongs_to_one_browser, expired_is_closed,
        answered_is_closed, consent_adds_up }
    code { co_01_second_use_revokes_the_family, co_02_one_of_64_parallel_redemptions, co_03_bound_to_its_client,
        co_05_expiry, co_08_user_or_client_or_session_ended, co_08_each_must_stand_itself,
        co_08_redemption_against_disabling,
        one_attempt_issues_once, parallel_issues_of_one_attempt }
    family { rotates, one_of_64_parallel_rotations, revoke_wins_over_rotate, ended_does_not_rotate,
        userinfo_in_one_question, first_reason_stays, the_oldest_makes_room, keeps_without_rotating,
        ends_with_its_life_however_often_it_is_used, revoked_is_revoked_whatever_the_clock_says,
        revoking_all_of_a_user_is_of_that_user, lists_and_counts_are_of_one, room_is_made_by_ones_own, a_new_family_ends_the_one_it_replaces,
        begins_only_for_what_stands }
    denial { every_end_that_reaches_so_far_denies, a_later_end_may_reach_further, a_token_is_denied_once,
        none_is_missed_by_a_reader_in_between, none_without_a_token_that_could_be_out,
        none_at_a_sign_out_long_after }
    key { comes_back_as_it_was, one_of_16_parallel_creations, change_of_guard, stale_plan_changes_nothing,
        expires_and_revokes, an_instant_is_brought_forward_but_never_put_off,
        a_successor_comes_in_the_same_transaction, nothing_is_made_under_another_master_key,
        the_longest_token_only_grows_and_holds_up_a_plan_that_does_not_know_it, only_expired_keys_are_forgotten }
    logout { a_session_knows_whom_it_has_signed_in_to, word_of_an_end_is_queued_once_and_taken_once,
        one_of_16_parallel_claims, what_one_application_had_is_taken_back, live_sessions_are_listed }
    custody { reseals_all_or_nothing, reseals_once, ended_keys_have_nothing_to_reseal, nothing_comes_in_after_resealing,
        a_key_takes_the_place_of_the_next, a_key_of_a_taken_name_does_not_come_in }
    registration { comes_back_as_it_was, a_token_is_used_up_by_as_many_as_it_is_for, never_more_than_there_may_be,
        only_what_was_read_is_replaced, what_was_never_used_goes }
    throttle { never_more_than_the_limit, window_and_block, nothing_is_allowed_when_the_limit_is_zero,
        what_is_given_back_does_not_count, several_budgets_pay_together }
    instance { first_value_stays, setup_link_works_once, sweeps_what_is_over, families_are_swept_in_turn, answers_a_ping,
        time_moves_on_only }
}
