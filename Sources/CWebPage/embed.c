// The files of the web page, compiled in as they are: no build step of their own, nothing to install beside the
// binary. A test compares this list with the folder.

#include "web_page.h"

#if !defined(__has_embed)
#error "CWebPage needs a clang with #embed, as Swift 6.2 and newer bring one"
#endif
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "index.html"
};
static const unsigned char icon_svg[] = {
#embed "icon.svg"
};
static const unsigned char css_base_css[] = {
#embed "css/base.css"
};
static const unsigned char css_controls_css[] = {
#embed "css/controls.css"
};
static const unsigned char css_layout_css[] = {
#embed "css/layout.css"
};
static const unsigned char css_trade_css[] = {
#embed "css/trade.css"
};
static const unsigned char css_tables_css[] = {
#embed "css/tables.css"
};
static const unsigned char css_charts_css[] = {
#embed "css/charts.css"
};
static const unsigned char js_app_js[] = {
#embed "js/app.js"
};
static const unsigned char js_early_theme_js[] = {
#embed "js/early-theme.js"
};
static const unsigned char js_core_backoff_js[] = {
#embed "js/core/backoff.js"
};
static const unsigned char js_core_emitter_js[] = {
#embed "js/core/emitter.js"
};
static const unsigned char js_core_money_js[] = {
#embed "js/core/money.js"
};
static const unsigned char js_core_order_flow_js[] = {
#embed "js/core/order-flow.js"
};
static const unsigned char js_core_order_rules_js[] = {
#embed "js/core/order-rules.js"
};
static const unsigned char js_core_scale_js[] = {
#embed "js/core/scale.js"
};
static const unsigned char js_core_series_js[] = {
#embed "js/core/series.js"
};
static const unsigned char js_io_api_js[] = {
#embed "js/io/api.js"
};
static const unsigned char js_io_price_stream_js[] = {
#embed "js/io/price-stream.js"
};
static const unsigned char js_io_session_js[] = {
#embed "js/io/session.js"
};
static const unsigned char js_io_storage_js[] = {
#embed "js/io/storage.js"
};
static const unsigned char js_io_wire_js[] = {
#embed "js/io/wire.js"
};
static const unsigned char js_model_account_js[] = {
#embed "js/model/account.js"
};
static const unsigned char js_model_market_js[] = {
#embed "js/model/market.js"
};
static const unsigned char js_model_orders_js[] = {
#embed "js/model/orders.js"
};
static const unsigned char js_ui_analytics_view_js[] = {
#embed "js/ui/analytics-view.js"
};
static const unsigned char js_ui_candles_js[] = {
#embed "js/ui/candles.js"
};
static const unsigned char js_ui_dom_js[] = {
#embed "js/ui/dom.js"
};
static const unsigned char js_ui_figures_js[] = {
#embed "js/ui/figures.js"
};
static const unsigned char js_ui_format_js[] = {
#embed "js/ui/format.js"
};
static const unsigned char js_ui_history_view_js[] = {
#embed "js/ui/history-view.js"
};
static const unsigned char js_ui_link_state_js[] = {
#embed "js/ui/link-state.js"
};
static const unsigned char js_ui_order_list_js[] = {
#embed "js/ui/order-list.js"
};
static const unsigned char js_ui_portfolio_view_js[] = {
#embed "js/ui/portfolio-view.js"
};
static const unsigned char js_ui_price_chart_js[] = {
#embed "js/ui/price-chart.js"
};
static const unsigned char js_ui_quote_js[] = {
#embed "js/ui/quote.js"
};
static const unsigned char js_ui_router_js[] = {
#embed "js/ui/router.js"
};
static const unsigned char js_ui_sign_in_js[] = {
#embed "js/ui/sign-in.js"
};
static const unsigned char js_ui_table_js[] = {
#embed "js/ui/table.js"
};
static const unsigned char js_ui_theme_js[] = {
#embed "js/ui/theme.js"
};
static const unsigned char js_ui_ticket_js[] = {
#embed "js/ui/ticket.js"
};
static const unsigned char js_ui_toasts_js[] = {
#embed "js/ui/toasts.js"
};
static const unsigned char js_ui_top_js[] = {
#embed "js/ui/top.js"
};
static const unsigned char js_ui_watch_js[] = {
#embed "js/ui/watch.js"
};

#define FILE_AT(path, bytes) {path, bytes, sizeof bytes}

static const struct web_page_file files[] = {
    FILE_AT("/index.html", index_html),
    FILE_AT("/icon.svg", icon_svg),
    FILE_AT("/css/base.css", css_base_css),
    FILE_AT("/css/controls.css", css_controls_css),
    FILE_AT("/css/layout.css", css_layout_css),
    FILE_AT("/css/trade.css", css_trade_css),
    FILE_AT("/css/tables.css", css_tables_css),
    FILE_AT("/css/charts.css", css_charts_css),
    FILE_AT("/js/app.js", js_app_js),
    FILE_AT("/js/early-theme.js", js_early_theme_js),
    FILE_AT("/js/core/backoff.js", js_core_backoff_js),
    FILE_AT("/js/core/emitter.js", js_core_emitter_js),
    FILE_AT("/js/core/money.js", js_core_money_js),
    FILE_AT("/js/core/order-flow.js", js_core_order_flow_js),
    FILE_AT("/js/core/order-rules.js", js_core_order_rules_js),
    FILE_AT("/js/core/scale.js", js_core_scale_js),
    FILE_AT("/js/core/series.js", js_core_series_js),
    FILE_AT("/js/io/api.js", js_io_api_js),
    FILE_AT("/js/io/price-stream.js", js_io_price_stream_js),
    FILE_AT("/js/io/session.js", js_io_session_js),
    FILE_AT("/js/io/storage.js", js_io_storage_js),
    FILE_AT("/js/io/wire.js", js_io_wire_js),
    FILE_AT("/js/model/account.js", js_model_account_js),
    FILE_AT("/js/model/market.js", js_model_market_js),
    FILE_AT("/js/model/orders.js", js_model_orders_js),
    FILE_AT("/js/ui/analytics-view.js", js_ui_analytics_view_js),
    FILE_AT("/js/ui/candles.js", js_ui_candles_js),
    FILE_AT("/js/ui/dom.js", js_ui_dom_js),
    FILE_AT("/js/ui/figures.js", js_ui_figures_js),
    FILE_AT("/js/ui/format.js", js_ui_format_js),
    FILE_AT("/js/ui/history-view.js", js_ui_history_view_js),
    FILE_AT("/js/ui/link-state.js", js_ui_link_state_js),
    FILE_AT("/js/ui/order-list.js", js_ui_order_list_js),
    FILE_AT("/js/ui/portfolio-view.js", js_ui_portfolio_view_js),
    FILE_AT("/js/ui/price-chart.js", js_ui_price_chart_js),
    FILE_AT("/js/ui/quote.js", js_ui_quote_js),
    FILE_AT("/js/ui/router.js", js_ui_router_js),
    FILE_AT("/js/ui/sign-in.js", js_ui_sign_in_js),
    FILE_AT("/js/ui/table.js", js_ui_table_js),
    FILE_AT("/js/ui/theme.js", js_ui_theme_js),
    FILE_AT("/js/ui/ticket.js", js_ui_ticket_js),
    FILE_AT("/js/ui/toasts.js", js_ui_toasts_js),
    FILE_AT("/js/ui/top.js", js_ui_top_js),
    FILE_AT("/js/ui/watch.js", js_ui_watch_js),
};

const size_t web_page_files_count = sizeof files / sizeof files[0];

const struct web_page_file *web_page_files(void) { return files; }
