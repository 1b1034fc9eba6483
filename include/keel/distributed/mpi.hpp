#pragma once
/// Ranks that are processes, of one machine or of many, which talk through MPI. The only header of keel that names MPI.

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <thread>

// the C interface alone
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <keel/distributed/fit.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct MpiOptions {
  /// Seconds that a rank waits for another, which may be writing a checkpoint meanwhile; above 0. Default 600.
  double timeout = 600;
  /// Bytes of gradients that are reduced together; default 2^20.
  std::size_t bucket_bytes = std::size_t{1} << 20;
};

/// The processes that mpirun has started, or one that was started alone:
///
///     int main(int argc, char** argv) {
///       Mpi mpi(argc, argv);
///       fit(model, mpi.shard(train), {.communicator = &mpi, ...});
///     }
///
/// It initialises MPI, unless the program has, and finalises what it has initialised. All is called from one thread
/// (MPI_THREAD_FUNNELED). Sums are made of messages between two ranks each, added in the order of ranks: the same bits
/// with every MPI, and a rank that does not answer is known. A rank that ends with an exception tells the others; where
/// a rank has failed MPI is not finalised, and mpirun ends what is left once `main` has returned. Throws ConfigError
/// for options and where MPI lacks threads, CommunicationError as Communicator says.
class Mpi : public Communicator {
 public:
  Mpi(int& argc, char**& argv, MpiOptions options = {}) : options_(checked(options)) {
    int initialised = 0, provided = MPI_THREAD_FUNNELED;
    MPI_Initialized(&initialised);
    if (!initialised) {
      MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
      finalises_ = true;
    }
    if (provided < MPI_THREAD_FUNNELED)
      throw ConfigError("Mpi", "an MPI for programs with threads (MPI_THREAD_FUNNELED)", "one for MPI_THREAD_SINGLE");
    join(MPI_COMM_WORLD);
  }
  /// The ranks of a communicator of the program's own.
  explicit Mpi(MPI_Comm ranks, MpiOptions options = {}) : options_(checked(options)) { join(ranks); }
  ~Mpi() override {
    if (std::uncaught_exceptions() > exceptions_) fail("an exception");
    int finalised = 0;
    MPI_Finalized(&finalised);
    if (failed_ || finalised) return;
    MPI_Comm_free(&comm_);
    if (finalises_) MPI_Finalize();
  }
  Mpi(const Mpi&) = delete;
  Mpi& operator=(const Mpi&) = delete;

  Index rank() const override { return rank_; }
  Index size() const override { return size_; }
  /// Bytes that this rank has sent.
  std::uint64_t bytes_sent() const { return sent_; }
  std::size_t bucket_bytes() const override { return options_.bucket_bytes; }

  void all_reduce(std::span<float> values) override { reduce_now(values, MPI_FLOAT); }
  void all_reduce(std::span<double> values) override { reduce_now(values, MPI_DOUBLE); }
  void begin_all_reduce(std::span<float> values) override { begin(values, MPI_FLOAT); }
  void begin_all_reduce(std::span<double> values) override { begin(values, MPI_DOUBLE); }
  Index progress() override {
    check_alive();
    advance();
    return static_cast<Index>(going_.size());
  }
  void finish() override {
    check_alive();
    wait(
        "reductions", [&] { return going_.empty(); }, [&] { return going_.front()->flight.absent(); });
  }

  /// Along a binary tree.
  void broadcast(std::span<std::byte> bytes, Index root) override {
    const Index place = (rank_ - root + size_) % size_;
    const auto at = [&](Index p) { return (p + root) % size_; };
    constexpr std::size_t most = std::size_t{1} << 30;  // counts are of int
    for (std::size_t from = 0; from < bytes.size() || from == 0; from += most) {
      const std::span<std::byte> piece = bytes.subspan(from, (std::min)(most, bytes.size() - from));
      const int tag = next_tag();
      Index below = 1;
      for (; below < size_; below *= 2)
        if (place & below) {
          Flight flight;
          receive(flight, piece.data(), piece.size(), MPI_BYTE, at(place - below), tag);
          wait(flight, "broadcast");
          break;
        }
      Flight flight;
      for (below /= 2; below > 0; below /= 2)
        if (place + below < size_) send(flight, piece.data(), piece.size(), MPI_BYTE, at(place + below), tag);
      wait(flight, "broadcast");
    }
  }

  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> bytes) override {
    if (bytes.size() > INT_MAX)
      throw CommunicationError(name(rank_), "at most 2^31 - 1 bytes a rank", std::to_string(bytes.size()));
    // the length and the beginning, then the rest where there is one
    constexpr std::size_t letter = 4096, head = letter - sizeof(std::uint64_t);
    std::vector<std::byte> letters(to_size(size_) * letter), mine(letter);
    const std::uint64_t length = bytes.size();
    std::memcpy(mine.data(), &length, sizeof length);
    std::copy_n(bytes.data(), (std::min)(bytes.size(), head), mine.data() + sizeof length);
    const int tag = next_tag();
    Flight flight;
    for_others([&](Index r) { receive(flight, &letters[to_size(r) * letter], letter, MPI_BYTE, r, tag, true); });
    for_others(
        [&](Index r) { send(flight, mine.data(), sizeof length + (std::min)(bytes.size(), head), MPI_BYTE, r, tag); });
    wait(flight, "gather");
    std::vector<std::vector<std::byte>> all(to_size(size_));
    Flight rest;
    for_others([&](Index r) {
      std::uint64_t size = 0;
      std::memcpy(&size, &letters[to_size(r) * letter], sizeof size);
      std::vector<std::byte>& theirs = nth(all, r);
      theirs.resize(static_cast<std::size_t>(size));
      std::copy_n(&letters[to_size(r) * letter + sizeof size], (std::min)(theirs.size(), head), theirs.data());
      if (theirs.size() > head) receive(rest, theirs.data() + head, theirs.size() - head, MPI_BYTE, r, tag + 1);
      if (bytes.size() > head)
        send(rest, const_cast<std::byte*>(bytes.data()) + head, bytes.size() - head, MPI_BYTE, r, tag + 1);
    });
    wait(rest, "gather");
    nth(all, rank_).assign(bytes.begin(), bytes.end());
    return all;
  }

  void fail(const std::string& why) noexcept override {
    if (failed_) return;
    failed_ = true;
    why_ = "its own end: " + why;
    try {
      const std::string text = why.substr(0, 2000);
      Flight flight;
      for_others([&](Index r) { send(flight, const_cast<char*>(text.data()), text.size(), MPI_CHAR, r, failure_tag); });
      const auto end = Clock::now() + std::chrono::milliseconds(500);
      while (!test(flight) && Clock::now() < end) std::this_thread::yield();
      kept_ = text;
    } catch (...) {  // then mpirun ends the others
    }
  }
  /// Ends every process of the run at once.
  [[noreturn]] void abort(int status = 1) {
    MPI_Abort(comm_, status);
    std::terminate();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int failure_tag = 1;

  /// Messages on their way.
  struct Flight {
    std::vector<MPI_Request> requests;
    std::vector<Index> peers;
    std::vector<std::size_t> expected;  ///< bytes of a message that is received; any: of no certain length
    static constexpr std::size_t any = SIZE_MAX;
    std::vector<Index> absent() const {
      std::vector<Index> ranks;
      for (std::size_t i = 0; i < requests.size(); ++i)
        if (requests[i] != MPI_REQUEST_NULL) ranks.push_back(peers[i]);
      std::sort(ranks.begin(), ranks.end());
      ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
      return ranks;
    }
  };
  struct Memory {
    std::unique_ptr<std::byte[]> bytes{};
    std::size_t size = 0;
  };
  /// A sum of all ranks' values: each rank receives its part of all and adds it up, then sends it to all. Few values
  /// are sent whole, and added up by each.
  struct Reduction {
    virtual ~Reduction() = default;
    /// What follows once all messages have come; whether that was all.
    virtual bool next() = 0;
    Flight flight;
    bool done = false;
  };
  template <class V>
  struct SumOf : Reduction {
    SumOf(Mpi& m, std::span<V> v, MPI_Datatype t) : mpi(m), values(v), type(t), tag(m.next_tag()) {
      const bool whole = values.size_bytes() <= 4096;
      begin = whole ? 0 : place(mpi.rank_);
      end = whole ? count_of(values) : place(mpi.rank_ + 1);
      parts = mpi.take_memory(to_size((mpi.size_ - 1) * (end - begin)) * sizeof(V));
      mpi.for_others([&](Index r) { mpi.receive(flight, part(r), to_size(end - begin), type, r, tag); });
      mpi.for_others([&](Index r) {
        const Index from = whole ? 0 : place(r), to = whole ? end : place(r + 1);
        mpi.send(flight, values.data() + from, to_size(to - from), type, r, tag);
      });
      shares = !whole;
    }
    ~SumOf() override { mpi.spare_.push_back(std::move(parts)); }
    bool next() override {
      if (summed) return true;
      summed = true;
      std::vector<const V*> all;
      for (Index r = 0; r < mpi.size_; ++r) all.push_back(r == mpi.rank_ ? values.data() + begin : part(r));
      detail::sum_in_order<V>(all, 0, end - begin, values.data() + begin);
      if (!shares) return true;
      flight = {};
      mpi.for_others([&](Index r) {
        mpi.receive(flight, values.data() + place(r), to_size(place(r + 1) - place(r)), type, r, tag + 1);
      });
      mpi.for_others([&](Index r) { mpi.send(flight, values.data() + begin, to_size(end - begin), type, r, tag + 1); });
      return false;
    }
    Index place(Index r) const { return detail::part_begin(count_of(values), r, mpi.size_); }
    /// Of another rank.
    V* part(Index r) { return reinterpret_cast<V*>(parts.bytes.get()) + (r < mpi.rank_ ? r : r - 1) * (end - begin); }

    Mpi& mpi;
    std::span<V> values;
    MPI_Datatype type;
    int tag;
    Index begin = 0, end = 0;
    bool summed = false, shares = false;
    Memory parts;
  };

  static MpiOptions checked(const MpiOptions& options) {
    if (!(options.timeout > 0)) throw ConfigError("Mpi", "a timeout above 0 seconds", std::to_string(options.timeout));
    return options;
  }
  static std::string name(Index rank) { return "rank " + std::to_string(rank); }

  void join(MPI_Comm ranks) {
    MPI_Comm_dup(ranks, &comm_);  // messages of the program's own are none of these
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
    int rank = 0, size = 1;
    MPI_Comm_rank(comm_, &rank);
    MPI_Comm_size(comm_, &size);
    rank_ = rank;
    size_ = size;
    exceptions_ = std::uncaught_exceptions();
  }
  /// Memory of that many bytes or more, of a sum before where there was one: it need not be mapped anew.
  Memory take_memory(std::size_t bytes) {
    spare_.reserve(spare_.size() + going_.size() + 2);  // what gives it back cannot throw
    auto best = spare_.begin();
    for (auto one = spare_.begin(); one != spare_.end(); ++one)
      if (best->size < bytes ? one->size > best->size : one->size >= bytes && one->size < best->size) best = one;
    Memory found;
    if (best != spare_.end()) {
      found = std::move(*best);
      spare_.erase(best);
    }
    if (found.size < bytes) found = {};
    if (!found.bytes) found = {std::make_unique_for_overwrite<std::byte[]>(bytes), bytes};
    return found;
  }
  /// Of two messages: tags are at least up to 32767.
  int next_tag() { return 2 + static_cast<int>(sequence_++ % 16000) * 2; }
  template <class F>
  void for_others(F&& f) const {
    for (Index r = 0; r < size_; ++r)
      if (r != rank_) f(r);
  }

  void send(Flight& flight, void* values, std::size_t count, MPI_Datatype type, Index to, int tag) {
    flight.requests.push_back(MPI_REQUEST_NULL);
    flight.peers.push_back(to);
    flight.expected.push_back(Flight::any);
    int each = 0;
    MPI_Type_size(type, &each);
    sent_ += count * static_cast<std::size_t>(each);
    check(MPI_Isend(values, static_cast<int>(count), type, static_cast<int>(to), tag, comm_, &flight.requests.back()));
  }
  void receive(Flight& flight, void* values, std::size_t count, MPI_Datatype type, Index from, int tag,
               bool or_fewer = false) {
    int each = 0;
    MPI_Type_size(type, &each);
    flight.requests.push_back(MPI_REQUEST_NULL);
    flight.peers.push_back(from);
    flight.expected.push_back(or_fewer ? Flight::any : count * static_cast<std::size_t>(each));
    check(
        MPI_Irecv(values, static_cast<int>(count), type, static_cast<int>(from), tag, comm_, &flight.requests.back()));
  }
  void check(int error) {
    if (error == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(error, text, &length);
    give_up("MPI to work", std::string(text, static_cast<std::size_t>(length)));
  }
  /// Whether all messages have come.
  bool test(Flight& flight) {
    const int count = static_cast<int>(flight.requests.size());
    if (count == 0) return true;
    int done = 0;
    indices_.resize(flight.requests.size());
    statuses_.resize(flight.requests.size());
    const int error = MPI_Testsome(count, flight.requests.data(), &done, indices_.data(), statuses_.data());
    if (done == MPI_UNDEFINED) return true;
    for (int i = 0; i < done; ++i) {
      const std::size_t message = static_cast<std::size_t>(indices_[static_cast<std::size_t>(i)]);
      const MPI_Status& status = statuses_[static_cast<std::size_t>(i)];
      int bytes = 0;
      const bool cut = error == MPI_ERR_IN_STATUS && status.MPI_ERROR != MPI_SUCCESS;
      if (!cut && flight.expected[message] != Flight::any) MPI_Get_count(&status, MPI_BYTE, &bytes);
      if (cut ||
          (flight.expected[message] != Flight::any && static_cast<std::size_t>(bytes) != flight.expected[message]))
        give_up(std::to_string(flight.expected[message]) + " bytes from " + name(flight.peers[message]),
                cut ? "more" : std::to_string(bytes) + ": all ranks must run the same layers, losses and metrics");
    }
    if (error != MPI_ERR_IN_STATUS) check(error);
    return std::all_of(flight.requests.begin(), flight.requests.end(),
                       [](MPI_Request request) { return request == MPI_REQUEST_NULL; });
  }

  template <class V>
  void begin(std::span<V> values, MPI_Datatype type) {
    check_alive();
    if (values.empty() || size_ == 1) return;
    going_.push_back(std::make_unique<SumOf<V>>(*this, values, type));
  }
  template <class V>
  void reduce_now(std::span<V> values, MPI_Datatype type) {
    check_alive();
    if (values.empty() || size_ == 1) return;
    SumOf<V> sum(*this, values, type);
    do wait(sum.flight, "all_reduce");
    while (!sum.next());
  }
  /// What has begun moves on, in its order; a rank that has failed is heard of.
  void advance() {
    for (const std::unique_ptr<Reduction>& sum : going_)
      while (!sum->done && test(sum->flight)) sum->done = sum->next();
    while (!going_.empty() && going_.front()->done) going_.pop_front();
    listen();
  }
  void listen() {
    int there = 0;
    MPI_Status status;
    check(MPI_Iprobe(MPI_ANY_SOURCE, failure_tag, comm_, &there, &status));
    if (!there) return;
    int length = 0;
    MPI_Get_count(&status, MPI_CHAR, &length);
    std::string why(static_cast<std::size_t>(length), ' ');
    MPI_Recv(why.data(), length, MPI_CHAR, status.MPI_SOURCE, failure_tag, comm_, MPI_STATUS_IGNORE);
    failed_ = true;  // no more messages: the others hear of it from that rank
    why_ = "the end of " + name(status.MPI_SOURCE) + ": " + why;
    check_alive();
  }
  void check_alive() const {
    if (failed_) throw CommunicationError(name(rank_), "every rank to go on", why_);
  }
  /// Ends this rank; the others hear of it before memory that messages would be written to is gone.
  [[noreturn]] void give_up(const std::string& expected, const std::string& got) {
    const CommunicationError error(name(rank_), expected, got);
    fail(error.what());
    throw error;
  }
  void wait(Flight& flight, const char* what) {
    check_alive();
    wait(
        what, [&] { return test(flight); }, [&] { return flight.absent(); });
  }
  template <class Done, class Absent>
  void wait(const char* what, Done&& done, Absent&& absent) {
    const Clock::time_point start = Clock::now();
    for (;;) {
      if (done()) return;  // before another's failure is heard of: all find what is wrong with all by themselves
      advance();
      const double waited = std::chrono::duration<double>(Clock::now() - start).count();
      if (waited > options_.timeout)
        give_up("every rank in " + std::string(what) + " within " + detail::text(options_.timeout) + " s",
                "nothing from rank " + detail::listed(absent()));
      if (waited < 0.002)
        std::this_thread::yield();
      else
        std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }

  MpiOptions options_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  Index rank_ = 0, size_ = 1;
  bool finalises_ = false, failed_ = false;
  int exceptions_ = 0;
  std::string why_, kept_;
  std::uint64_t sequence_ = 0, sent_ = 0;
  std::vector<Memory> spare_;                     // of sums that are done
  std::deque<std::unique_ptr<Reduction>> going_;  // behind spare_, to which they give theirs back
  std::vector<int> indices_;
  std::vector<MPI_Status> statuses_;
};

}  // namespace KEEL_ABI
}  // namespace keel
