// librdkafka's two public headers, the one call Swift cannot make (a variadic one), and the calling thread as a number.
#include <pthread.h>
#include <stdint.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/// rd_kafka_producev with a topic handle; a negative timestamp means "now". Copies key and value.
/// On success `headers` (may be NULL) belong to librdkafka, on an error still to the caller.
static inline rd_kafka_resp_err_t weir_rd_producev(
    rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, const void *key, size_t key_length,
    const void *value, size_t value_length, int64_t timestamp_millis, rd_kafka_headers_t *headers,
    void *message_opaque) {
    int64_t timestamp = timestamp_millis < 0 ? 0 : timestamp_millis;
    if (headers)
        return rd_kafka_producev(
            rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_length),
            RD_KAFKA_V_VALUE((void *)value, value_length), RD_KAFKA_V_TIMESTAMP(timestamp),
            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(message_opaque), RD_KAFKA_V_END);
    return rd_kafka_producev(
        rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_length),
        RD_KAFKA_V_VALUE((void *)value, value_length), RD_KAFKA_V_TIMESTAMP(timestamp),
        RD_KAFKA_V_OPAQUE(message_opaque), RD_KAFKA_V_END);
}

/// The calling thread, whose type differs between systems.
static inline uintptr_t weir_thread_id(void) { return (uintptr_t)pthread_self(); }
