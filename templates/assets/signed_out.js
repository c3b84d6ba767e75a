// Goes on to the application once every frame has loaded, or when that takes too long. Not deferred: a frame may be
// done before the page is.
(function () {
  "use strict";
  var LONGEST = 4000;
  var loaded = 0;
  var gone = false;

  function goOn() {
    var back = document.getElementById("signed-out-back");
    if (gone || !back) return;
    gone = true;
    location.replace(back.href);
  }

  function check() {
    if (document.readyState !== "loading" && loaded >= document.getElementsByTagName("iframe").length) goOn();
  }

  document.addEventListener("load", function (event) {
    if (event.target.tagName === "IFRAME") {
      loaded += 1;
      check();
    }
  }, true);
  document.addEventListener("DOMContentLoaded", check);
  setTimeout(goOn, LONGEST);
})();
