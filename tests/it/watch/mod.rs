//! What watches over a provider: news between nodes, the audit trail, readers of the keys, metrics.

mod admin;
mod audit;
mod news;
mod readers;
mod relay;

use crate::support::database::on_every_backend;

on_every_backend! {
    news { a_change_elsewhere_ends_the_wait, without_news_the_wait_ends_in_time }
    audit { comes_back_in_order, only_grows, ends_somewhere }
    readers { add_up_over_nodes, usage_adds_up_over_nodes, what_is_old_is_swept }
}
